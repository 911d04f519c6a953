// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.store.ConfigStore;
import io.configmanager.store.MemoryConfigStore;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.util.function.SingletonSupplier;

/** Decides which store is used: the configured one, else the only one that is available, else memory. */
final class StoreSelection {

    private static final Logger log = LoggerFactory.getLogger(StoreSelection.class);

    private final @Nullable StoreType configured;
    private final List<StoreCandidate> candidates;
    private final List<String> undecided;
    private final SingletonSupplier<StoreType> type = SingletonSupplier.of(this::decide);

    /** @param undecided what the application has several of, none of them marked: "2 DataSources" */
    StoreSelection(@Nullable StoreType configured, List<StoreCandidate> candidates, List<String> undecided) {
        this.configured = configured;
        this.undecided = List.copyOf(undecided);
        this.candidates = List.copyOf(candidates);
    }

    /**
     * The kind of store to use, decided once.
     *
     * @throws StoreSelectionException if there is none of the configured kind, or a choice without a configured kind
     */
    StoreType type() {
        return type.obtain();
    }

    private StoreType decide() {
        if (configured != null) {
            return configured;
        }
        List<StoreCandidate> available =
                candidates.stream().filter(StoreCandidate::isAvailable).toList();
        if (available.size() > 1) {
            List<String> reasons = available.stream()
                    .map(candidate -> name(candidate.type()) + ": " + candidate.reason())
                    .toList();
            throw new StoreSelectionException(
                    "Configuration could be kept in more than one store:\n\n    " + String.join("\n    ", reasons),
                    "Choose one with config.store.type="
                            + String.join(
                                    " or config.store.type=",
                                    available.stream()
                                            .map(candidate -> name(candidate.type()))
                                            .toList())
                            + ", or declare a ConfigStore bean.");
        }
        if (candidates.isEmpty() && !undecided.isEmpty()) {
            throw new StoreSelectionException(
                    "The application has " + String.join(" and ", undecided)
                            + ", and none is marked as the one for configuration.",
                    "Mark one with @Primary, declare a ConfigStore bean, or set config.store.type=memory.");
        }
        return available.isEmpty() ? StoreType.MEMORY : available.get(0).type();
    }

    ConfigStore create() {
        StoreType type = type();
        if (type == StoreType.MEMORY) {
            if (configured == null) {
                log.warn(
                        "No PostgreSQL or MongoDB was found, so configuration is kept in the memory of this process only:"
                                + " it is lost when the process ends and no other process sees it. Set"
                                + " config.store.type=memory if that is meant; else add config-store-postgres,"
                                + " spring-boot-starter-jdbc and spring.datasource.url, or config-store-mongo,"
                                + " spring-boot-starter-mongodb and spring.mongodb.uri.");
            }
            return new MemoryConfigStore();
        }
        return chosen().orElseThrow(
                        () -> new StoreSelectionException(
                                "config.store.type=" + name(type) + ", but the application has no such store.",
                                type == StoreType.POSTGRES
                                        ? "Add the dependency config-store-postgres and a DataSource that leads to PostgreSQL"
                                                + " (spring-boot-starter-jdbc and spring.datasource.url), marked @Primary if there"
                                                + " are several."
                                        : "Add the dependency config-store-mongo and a MongoDB client (spring-boot-starter-mongodb)."))
                .create();
    }

    /** Where the chosen store is, without credentials; empty if that is not known. */
    String address() {
        return chosen().map(StoreCandidate::address).orElse("");
    }

    private Optional<StoreCandidate> chosen() {
        StoreType type = type();
        return candidates.stream().filter(candidate -> candidate.type() == type).findFirst();
    }

    private static String name(StoreType type) {
        return type.name().toLowerCase(Locale.ROOT);
    }
}
