// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import io.configmanager.ConfigEntry;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import org.jspecify.annotations.Nullable;

/**
 * One living object that follows a key. Holds the object weakly, so that a prototype bean can go. All writes to it happen
 * under this binding's lock, each right after reading the newest value, so that the newest one wins.
 */
abstract class Binding extends WeakReference<Object> {

    private static final String NO_DEFAULT = "the key does not exist and has no default; the last value stays";

    final Demand demand;
    private final @Nullable Fallback fallback;
    private @Nullable String problem;
    private long revision;
    private ConfigBinding.@Nullable Rejected rejected;

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
        Reading reading = take(registry);
        if (reading.value() != null) {
            bring(registry, reading.value(), reading.revision());
        } else if (fallback != null) {
            bring(registry, fallback.value(), 0);
        } else {
            return !demand.required();
        }
        return true;
    }

    /** Brings the newest value to the target, or the default if there is none any more. */
    final synchronized void refresh(ConfigValueRegistry registry) {
        Reading reading = take(registry);
        if (reading.value() != null) {
            bring(registry, reading.value(), reading.revision());
        } else if (problem == null && fallback != null) {
            bring(registry, fallback.value(), 0);
        } else if (problem == null && demand.required()) {
            problem = NO_DEFAULT;
        }
    }

    final synchronized @Nullable String problem() {
        return problem;
    }

    final synchronized ConfigBinding described() {
        return demand.described(true, 1, revision, problem, rejected);
    }

    /** Why the target would not take an entry; null if it would. */
    final @Nullable String refusal(ConfigValueRegistry registry, @Nullable ConfigEntry candidate) {
        if (candidate == null) {
            return fallback == null && demand.required() ? NO_DEFAULT : null;
        }
        return registry.decode(demand, candidate).problem();
    }

    private Reading take(ConfigValueRegistry registry) {
        Reading reading = registry.read(demand);
        problem = reading.problem();
        if (problem != null) {
            rejected = new ConfigBinding.Rejected(reading.revision(), problem);
        }
        return reading;
    }

    private void bring(ConfigValueRegistry registry, @Nullable Object value, long valueRevision) {
        Object target = get();
        if (target == null) {
            return;
        }
        try {
            write(target, value);
            revision = valueRevision;
        } catch (ReflectiveOperationException | RuntimeException e) {
            // Its message is not ours and may hold the value.
            problem = "the target refused the value: "
                    + (e.getCause() == null ? e : e.getCause()).getClass().getName();
            rejected = new ConfigBinding.Rejected(valueRevision, problem);
            registry.report(demand, problem, valueRevision);
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
