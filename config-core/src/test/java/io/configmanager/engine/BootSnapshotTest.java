// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigHealth;
import io.configmanager.ManagerStateException;
import io.configmanager.StoreException;
import io.configmanager.WatchState;
import io.configmanager.engine.ConfigManagerBuilder.StartupPolicy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A manager that starts while its store is away. */
class BootSnapshotTest extends OnMemoryStore {

    @TempDir
    Path directory;

    private Duration timeout = SOON;

    @Override
    ConfigManagerBuilder builder() {
        return super.builder()
                .startup(StartupPolicy.SNAPSHOT, timeout)
                .maintenanceInterval(Duration.ofMillis(20))
                .bootSnapshot(directory, "memory", null);
    }

    /** C1. */
    @Test
    void startsWithTheLastValuesMarkedStaleAndBecomesLiveWithoutARestart() {
        put("a", "1", "b", "2");
        startAndClose();
        away();

        connect();
        assertThat(config.get("a", Integer.class)).isEqualTo(1);
        assertThat(config.view().get("b", Integer.class)).contains(2);
        assertThat(manager.watchStatus().state()).isEqualTo(WatchState.STALE);
        assertThat(manager.watchStatus().staleness()).isNotNull();
        await().atMost(SOON).until(() -> manager.health().status() == ConfigHealth.Status.DOWN);

        List<ConfigChangeSet> told = new CopyOnWriteArrayList<>();
        config.listen(ConfigFilter.ALL, told::add);
        put("a", "3", "b", null, "c", "4");
        recover();
        await().atMost(SOON).until(() -> told.size() == 1);
        assertThat(told.get(0).resync()).isTrue();
        assertThat(told.get(0).changes())
                .extracting(change -> change.kind() + " " + change.key())
                .containsExactly("UPDATE a", "DELETE b", "INSERT c");
        assertThat(config.get("a", Integer.class)).isEqualTo(3);
        assertThat(config.entry("b")).isEmpty();
    }

    @Test
    void whereTheStoreIsThereTheFileIsNotAsked() {
        put("a", "1");
        startAndClose();
        put("a", "2");
        List<ConfigChangeSet> told = new CopyOnWriteArrayList<>();
        connect();
        config.listen(ConfigFilter.ALL, told::add);
        assertThat(config.get("a", Integer.class)).isEqualTo(2);
        put("b", "1");
        await().atMost(SOON).until(() -> !told.isEmpty());
        assertThat(told.get(0).changes()).extracting("key").containsExactly("b");
    }

    @Test
    void withoutAFileTheStartFailsAndSaysSo() {
        away();
        manager = builder().preload("").build();
        assertThatThrownBy(manager::connect)
                .isInstanceOf(ManagerStateException.class)
                .hasMessageContaining("is not live")
                .hasMessageContaining("there is no boot snapshot " + current());
    }

    /** C2. */
    @Test
    void aDamagedFileIsRefusedAndThenReplaced() throws IOException {
        put("a", "1");
        startAndClose();
        byte[] bytes = Files.readAllBytes(current());
        bytes[bytes.length / 2] ^= 1;
        Files.write(current(), bytes);
        away();
        manager = builder().preload("").build();
        assertThatThrownBy(manager::connect).hasMessageContaining("damaged");
        end();

        startAndClose();
        away();
        connect();
        assertThat(config.get("a", Integer.class)).isEqualTo(1);
    }

    @Test
    void aStoreThatRefusesIsNotAwaitedAndNotReplacedByTheFile() {
        put("a", "1");
        startAndClose();
        store.broken = true;
        manager = builder()
                .startup(StartupPolicy.SNAPSHOT, Duration.ofMinutes(5))
                .preload("")
                .build();
        assertThatThrownBy(manager::connect).hasMessageContaining("The table does not exist");
    }

    @Test
    void namespacesThatWereInUseAreServedAndOthersAreNot() {
        put("a", "1");
        connect();
        manager.namespace("used").entry("x");
        end();
        away();

        connect();
        assertThat(manager.namespace("used").entry("x")).isEmpty();
        assertThatThrownBy(() -> manager.namespace("unused").entry("x"))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("'unused' is not in memory yet");
    }

    /** C2: the values of a history that was replaced meanwhile give way, and listeners hear that it starts over. */
    @Test
    void anOlderHistoryGivesWay() {
        put("a", "1", "b", "2");
        startAndClose();
        away();
        connect();
        List<ConfigChangeSet> told = new CopyOnWriteArrayList<>();
        config.listen(ConfigFilter.ALL, told::add);
        restore("a", "9");
        awaitLive();
        await().atMost(SOON).until(() -> !told.isEmpty());
        assertThat(told.get(0).epoch()).isEqualTo(1);
        assertThat(config.get("a", Integer.class)).isEqualTo(9);
        assertThat(config.entry("b")).isEmpty();
    }

    /** C2: a generation of a replaced history does not come back when the current one is damaged. */
    @Test
    void noGenerationOfAnOlderHistoryIsKept() throws IOException {
        put("a", "1");
        startAndClose();
        restore("a", "9");
        startAndSave();
        assertThat(directory.toFile().list()).containsExactly("config.snapshot");
    }

    @Test
    void theGenerationBeforeIsKept() throws IOException {
        put("a", "1");
        startAndSave();
        byte[] old = Files.readAllBytes(current());
        put("a", "2");
        startAndSave();
        assertThat(directory.resolve("config.snapshot.previous")).hasBinaryContent(old);
    }

    @Test
    void largeNamespacesAreServedAsFarAsTheyWereInMemory() {
        put("a", "1", "b", "2", "c", "3");
        connect(builder().preload("").maximumEntries(2));
        assertThat(config.get("b", Integer.class)).isEqualTo(2);
        end();
        away();

        connect(builder().preload("").maximumEntries(2));
        assertThat(config.get("b", Integer.class)).isEqualTo(2);
        assertThatThrownBy(() -> config.get("a", Integer.class)).isInstanceOf(StoreException.class);
    }

    @Test
    void aDirectoryThatCannotBeWrittenDisturbsNobody() throws IOException {
        Path file = Files.createFile(directory.resolve("no-directory"));
        put("a", "1");
        connect(builder().preload("").bootSnapshot(file, "memory", null));
        applied(put("a", "2"));
        assertThat(config.get("a", Integer.class)).isEqualTo(2);
    }

    private void startAndClose() {
        connect();
        end();
        assertThat(current()).exists();
    }

    private void away() {
        memory.setAvailable(false);
        timeout = Duration.ofMillis(100);
    }

    /** The process ends; the next one has a connection of its own. */
    private void end() {
        manager.close();
        memory = memory.another();
        timeout = SOON;
    }

    /** Until maintenance has written it, with the store there. */
    private void startAndSave() throws IOException {
        long before = Files.exists(current()) ? Files.size(current()) : -1;
        byte[] bytes = before < 0 ? new byte[0] : Files.readAllBytes(current());
        connect();
        await().atMost(SOON)
                .until(() -> Files.exists(current()) && !Arrays.equals(bytes, Files.readAllBytes(current())));
        end();
    }

    private Path current() {
        return directory.resolve("config.snapshot");
    }
}
