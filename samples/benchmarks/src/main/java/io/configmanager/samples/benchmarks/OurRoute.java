// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import io.configmanager.ConfigManager;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.ConfigStore;
import java.util.HashMap;
import java.util.Map;

/** A store that writes, and a manager on a store of its own whose cache shows the change. */
final class OurRoute implements Route {

    private final Arrivals arrivals = new Arrivals();
    private final Map<Long, Long> revisions = new HashMap<>();
    private final ConfigStore writer;
    private final ConfigManager manager;

    OurRoute(Database database) {
        this(database.newStore(), database.newStore());
    }

    OurRoute(ConfigStore writer, ConfigStore reader) {
        this.writer = writer;
        manager = ConfigManagerBuilder.forStore(reader)
                .preload("")
                .onApplied(changes -> arrivals.arrived(changes.revision()))
                .build();
        manager.connect();
    }

    @Override
    public String who() {
        return Figures.OURS;
    }

    @Override
    public void send(long number) {
        revisions.put(
                number,
                writer.commit(Database.commit("", "bench/key-" + number % 100, number))
                        .revision());
    }

    @Override
    public long received(long number) throws InterruptedException {
        Long revision = revisions.get(number);
        if (revision == null) {
            throw new IllegalArgumentException(number + " was not sent");
        }
        return arrivals.await(revision);
    }

    @Override
    public void close() {
        manager.close();
        writer.close();
    }
}
