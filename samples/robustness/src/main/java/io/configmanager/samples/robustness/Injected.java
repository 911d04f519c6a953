// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigManager;
import io.configmanager.spring.ConfigListener;
import io.configmanager.spring.ConfigPrefix;
import io.configmanager.spring.ConfigValue;
import io.configmanager.spring.ConfigValueAutoConfiguration;
import io.configmanager.spring.Live;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.bind.Name;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/** A bean as applications have it: fields, a typed group and a method that follow keys of the default namespace. */
final class Injected {

    static final String LEFT = "p/0-left";
    static final String RIGHT = "p/0-right";

    private static final long GAP_NANOS = 200_000;

    private final Recorder recorder;
    private final Live<Pair> pair;

    @ConfigValue(LEFT)
    private volatile @Nullable String left;

    @ConfigValue(RIGHT)
    private volatile @Nullable String right;

    @ConfigValue(Keys.FINAL)
    private volatile @Nullable String last;

    private volatile boolean stopping;

    /** Two keys that are always written together. */
    @ConfigPrefix("p")
    record Pair(
            @Name("0-left") @Nullable String left,
            @Name("0-right") @Nullable String right) {}

    Injected(Recorder recorder, Live<Pair> pair) {
        this.recorder = recorder;
        this.pair = pair;
    }

    /** An application with this bean, which is made when it is asked for: by then the manager must be connected. */
    static AnnotationConfigApplicationContext application(Recorder recorder, Supplier<ConfigManager> manager) {
        AnnotationConfigApplicationContext application = new AnnotationConfigApplicationContext();
        application.registerBean(Recorder.class, () -> recorder);
        application.registerBean(ConfigManager.class, manager, definition -> definition.setLazyInit(true));
        application.registerBean(Injected.class, definition -> definition.setLazyInit(true));
        application.register(ConfigValueAutoConfiguration.class);
        application.refresh();
        return application;
    }

    /** Whoever hears of a change finds it injected. */
    @ConfigListener(keys = {LEFT, RIGHT})
    void changed(ConfigChangeSet changes) {
        for (ConfigChange change : changes.changes()) {
            ConfigEntry after = change.after();
            boolean ofLeft = change.key().equals(LEFT);
            Pair now = pair.get();
            recorder.write(
                    "H",
                    System.nanoTime(),
                    changes.revision(),
                    change.key(),
                    Texts.brief(after == null ? null : after.value()),
                    stored(ofLeft ? left : right),
                    stored(ofLeft ? now.left() : now.right()));
        }
    }

    /** Records each instance of the group. */
    void followAlways() {
        Pair before = null;
        while (!stopping) {
            Pair now = pair.get();
            if (now != before) {
                recorder.write("L", System.nanoTime(), stored(now.left()), stored(now.right()));
                before = now;
            }
            LockSupport.parkNanos(GAP_NANOS);
        }
    }

    boolean shows(String tag) {
        return Objects.equals(tag, last);
    }

    /** Records what is injected at the end. */
    void stop() {
        stopping = true;
        Pair now = pair.get();
        recorder.write("B", System.nanoTime(), LEFT, stored(left), stored(now.left()));
        recorder.write("B", System.nanoTime(), RIGHT, stored(right), stored(now.right()));
        recorder.write("B", System.nanoTime(), Keys.FINAL, stored(last), stored(last));
    }

    /** As the store has it: all values here are texts that need no escapes. */
    private static String stored(@Nullable String text) {
        return Texts.brief(text == null ? null : '"' + text + '"');
    }
}
