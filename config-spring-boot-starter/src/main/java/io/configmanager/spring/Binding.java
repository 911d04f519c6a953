// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import org.jspecify.annotations.Nullable;

/**
 * One living object that follows a key. Holds the object weakly, so that a prototype bean can go. All writes to it happen
 * under this binding's lock, each right after reading the newest value, so that the newest one wins.
 */
abstract class Binding extends WeakReference<Object> {

    final Demand demand;
    private final @Nullable Fallback fallback;
    private @Nullable String problem;

    /** @param fallback what the target gets while there is no value; null to leave it as it is */
    Binding(Demand demand, Object target, @Nullable Fallback fallback, ReferenceQueue<Object> gone) {
        super(target, gone);
        this.demand = demand;
        this.fallback = fallback;
    }

    /** A value that fits the type, or null where the target takes that for no value. */
    abstract void write(Object target, @Nullable Object value) throws ReflectiveOperationException;

    /** Brings the first value to the target; false if there is neither a usable one nor a default. */
    final synchronized boolean begin(ConfigValueRegistry registry) {
        Reading reading = registry.read(demand);
        problem = reading.problem();
        if (reading.value() != null) {
            bring(registry, reading.value(), reading.revision());
        } else if (fallback != null) {
            bring(registry, fallback.value(), reading.revision());
        } else {
            return !demand.required();
        }
        return true;
    }

    /** Brings the newest value to the target, or the default if there is none any more. */
    final synchronized void refresh(ConfigValueRegistry registry) {
        Reading reading = registry.read(demand);
        problem = reading.problem();
        if (reading.value() != null) {
            bring(registry, reading.value(), reading.revision());
        } else if (problem == null && fallback != null) {
            bring(registry, fallback.value(), reading.revision());
        } else if (problem == null && demand.required()) {
            problem = "the key does not exist and has no default; the last value stays";
        }
    }

    final synchronized @Nullable String problem() {
        return problem;
    }

    private void bring(ConfigValueRegistry registry, @Nullable Object value, long revision) {
        Object target = get();
        if (target == null) {
            return;
        }
        try {
            write(target, value);
        } catch (ReflectiveOperationException | RuntimeException e) {
            // Its message is not ours and may hold the value.
            problem = "the target refused the value: "
                    + (e.getCause() == null ? e : e.getCause()).getClass().getName();
            registry.report(demand, problem, revision);
        }
    }

    /** A default; its value may be null. */
    record Fallback(@Nullable Object value) {}

    /**
     * What was read for a demand.
     *
     * @param value the value, wrapped as the target wants it; null if there is none or it is unusable
     * @param problem why there is one but it is unusable; null otherwise
     * @param revision the revision of the entry; 0 if there is none
     */
    record Reading(@Nullable Object value, @Nullable String problem, long revision) {

        static final Reading ABSENT = new Reading(null, null, 0);
    }
}
