// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import io.configmanager.Config;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigException;
import io.configmanager.ConfigManager;
import io.configmanager.LogEntry;
import io.configmanager.NamespaceStatus;
import io.configmanager.Outbox;
import io.configmanager.QueuedWrite;
import io.configmanager.spring.ConfigBinding;
import io.configmanager.spring.ConfigBindings;
import io.configmanager.spring.ConfigEntryOrigin;
import io.configmanager.spring.autoconfigure.endpoint.ShownEntries.Entry;
import io.configmanager.spring.autoconfigure.endpoint.ShownEntries.Line;
import io.configmanager.store.ConfigStore;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.OperationResponseBody;
import org.springframework.boot.actuate.endpoint.SecurityContext;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.boot.context.properties.source.ConfigurationPropertySource;
import org.springframework.boot.context.properties.source.ConfigurationPropertySources;
import org.springframework.boot.context.properties.source.ConfigurationPropertyState;
import org.springframework.boot.origin.OriginLookup;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.EnumerablePropertySource;
import org.springframework.core.env.PropertySource;
import org.springframework.core.env.StandardEnvironment;

/** Says where the value of a key comes from in this instance, layer by layer. */
record Explainer(
        ConfigManager manager,
        ConfigStore store,
        @Nullable ConfigBindings bindings,
        ConfigurableEnvironment environment,
        ShownEntries entries) {

    private static final int MOST_QUEUED = 100;

    /** What {@code Config.get} of this instance answers with. */
    enum Winner {
        /** A write of this instance that waits in the outbox. */
        QUEUED,
        STORED,
        NONE
    }

    /** What a target has. */
    enum Shows {
        STORED,
        DEFAULT,
        /** An earlier value, because the newest one cannot be used. */
        LAST_GOOD,
        /** A property of the environment. */
        PROPERTY,
        /** What it got when it was made. */
        ONCE
    }

    /**
     * Everything that is known of a key.
     *
     * @param winner what {@code Config.get} answers with; null if this instance does not hold the namespace
     * @param entry that entry
     * @param stored the entry under a queued write, as this instance knows it
     * @param inStore what the store has at this moment; null if nothing, or if it cannot be asked
     * @param storeProblem why the store cannot be asked
     * @param rejected why the newest stored value cannot be read
     * @param lastChange the newest line of the key's history
     * @param queued writes of the key that are in the outbox of this instance
     * @param properties what the key is in the environment, and who wins there
     * @param targets who holds it
     * @param listeners the {@code @ConfigListener} methods that it concerns
     */
    record Explanation(
            String namespace,
            String key,
            @Nullable Winner winner,
            @Nullable Entry entry,
            @Nullable Entry stored,
            @Nullable Entry inStore,
            @Nullable String storeProblem,
            @Nullable String rejected,
            @Nullable Line lastChange,
            List<Queued> queued,
            List<Property> properties,
            List<Target> targets,
            List<String> listeners)
            implements OperationResponseBody {}

    /** A write in the outbox. */
    record Queued(
            UUID id,
            QueuedWrite.State state,
            Instant queuedAt,
            @Nullable String author,
            @Nullable String comment,
            @Nullable String reason) {}

    /**
     * The key as a property.
     *
     * @param reader who reads the property: {@code Environment}, or a type that is bound to it
     * @param winner the property source that is used, {@code entry} for the key itself, or {@code default}
     * @param sources the property sources that have it, the first one wins in the environment
     */
    record Property(String name, String reader, String winner, List<String> sources) {

        private static final String ENTRY = "entry";
        private static final String DEFAULT = "default";

        private boolean overrides() {
            return !winner.equals(ENTRY) && !winner.equals(DEFAULT);
        }
    }

    /** Who holds the key. */
    record Target(
            String target,
            String type,
            boolean follows,
            int instances,
            Shows shows,
            long revision,
            @Nullable String lastError,
            ConfigBinding.@Nullable Rejected lastRejection) {}

    /** What this instance holds of a key. */
    private record Held(
            Winner winner,
            @Nullable ConfigEntry seen,
            @Nullable ConfigEntry stored,
            @Nullable String rejected) {}

    /** What the store has of a key, or why it cannot be asked. */
    private record InStore(
            @Nullable ConfigEntry entry,
            @Nullable Line lastChange,
            @Nullable String problem) {}

    Explanation explain(String namespace, String key, SecurityContext security) {
        Held held = held(namespace, key);
        InStore inStore = inStore(namespace, key, security);
        boolean exists = (held != null && held.stored != null) || inStore.entry != null;
        List<Property> properties = properties(namespace, key);
        List<Target> targets = new ArrayList<>();
        if (bindings != null) {
            for (ConfigBinding binding : bindings.bindings(namespace, key)) {
                Property property = bound(binding, key, exists);
                if (property != null) {
                    properties.add(property);
                }
                targets.add(target(binding, property, exists));
            }
        }
        return new Explanation(
                namespace,
                key,
                held == null ? null : held.winner,
                held == null ? null : shown(held.seen, security),
                held == null || held.winner != Winner.QUEUED ? null : shown(held.stored, security),
                shown(inStore.entry, security),
                inStore.problem,
                held == null ? null : held.rejected,
                inStore.lastChange,
                queued(namespace, key),
                properties,
                targets,
                bindings == null ? List.of() : bindings.listeners(namespace, key));
    }

    /** Null if this instance does not hold the namespace. */
    private @Nullable Held held(String namespace, String key) {
        for (NamespaceStatus status : manager.activeNamespaces()) {
            if (status.name().equals(namespace)) {
                Config config = manager.namespace(namespace);
                ConfigEntry seen = config.entry(key).orElse(null);
                ConfigEntry stored = config.stored(key).orElse(null);
                // What is stored and yet not seen, a queued removal hides.
                boolean removed = seen == null && stored != null;
                Winner winner = removed || (seen != null && seen.pending())
                        ? Winner.QUEUED
                        : seen == null ? Winner.NONE : Winner.STORED;
                return new Held(winner, seen, stored, status.rejected().get(key));
            }
        }
        return null;
    }

    private InStore inStore(String namespace, String key, SecurityContext security) {
        ConfigEntry entry = null;
        try {
            entry = store.get(namespace, key).entry();
            boolean secret = KeyVersions.of(store, namespace, key, 0).secret();
            Line lastChange = null;
            for (LogEntry line : store.history(namespace, key, 1, null).items()) {
                lastChange = entries.shown(line, secret, security);
            }
            return new InStore(entry, lastChange, null);
        } catch (ConfigException e) {
            return new InStore(entry, null, e.getMessage());
        }
    }

    private @Nullable Entry shown(@Nullable ConfigEntry entry, SecurityContext security) {
        return entry == null ? null : entries.shown(entry, security);
    }

    private List<Queued> queued(String namespace, String key) {
        return manager.outbox().map(Outbox::writes).orElse(List.of()).stream()
                .filter(write -> write.changes().stream()
                        .anyMatch(change -> change.namespace().equals(namespace)
                                && change.key().equals(key)))
                .limit(MOST_QUEUED)
                .map(write -> new Queued(
                        write.id(), write.state(), write.queuedAt(), write.author(), write.comment(), write.reason()))
                .toList();
    }

    private static Target target(ConfigBinding binding, @Nullable Property property, boolean exists) {
        Shows shows;
        if (!binding.follows()) {
            shows = Shows.ONCE;
        } else if (binding.lastError() != null) {
            shows = Shows.LAST_GOOD;
        } else if (property != null && property.overrides()) {
            shows = Shows.PROPERTY;
        } else {
            shows = exists && binding.revision() > 0 ? Shows.STORED : Shows.DEFAULT;
        }
        return new Target(
                binding.target(),
                binding.type(),
                binding.follows(),
                binding.instances(),
                shows,
                binding.revision(),
                binding.lastError(),
                binding.lastRejection());
    }

    /** What an import made of the key. */
    private List<Property> properties(String namespace, String key) {
        Set<String> names = new TreeSet<>();
        for (PropertySource<?> source : environment.getPropertySources()) {
            if (source instanceof EnumerablePropertySource<?> listed && source instanceof OriginLookup<?>) {
                for (String name : listed.getPropertyNames()) {
                    if (OriginLookup.getOrigin(source, name) instanceof ConfigEntryOrigin origin
                            && origin.entry().namespace().equals(namespace)
                            && origin.entry().key().equals(key)) {
                        names.add(name);
                    }
                }
            }
        }
        List<Property> properties = new ArrayList<>();
        for (String name : names) {
            List<String> sources = new ArrayList<>(sources(name).keySet());
            properties.add(new Property(name, "Environment", sources.isEmpty() ? "none" : sources.get(0), sources));
        }
        return properties;
    }

    /** What a type with {@code @ConfigurationProperties} reads for the key: variables and above win over entries. */
    private @Nullable Property bound(ConfigBinding binding, String key, boolean exists) {
        if (binding.property() == null) {
            return null;
        }
        int prefix = binding.key().equals("/") ? 0 : binding.key().length();
        String name = binding.property() + "." + key.substring(prefix).replace('/', '.');
        Map<String, Boolean> sources = sources(name);
        String winner = exists ? Property.ENTRY : Property.DEFAULT;
        for (Map.Entry<String, Boolean> source : sources.entrySet()) {
            if (source.getValue() || !exists) {
                winner = source.getKey();
                break;
            }
        }
        return new Property(name, binding.type(), winner, List.copyOf(sources.keySet()));
    }

    /** The property sources that have a property or one below it, in their order, and whether each is above entries. */
    private Map<String, Boolean> sources(String property) {
        ConfigurationPropertyName name = ConfigurationPropertyName.adapt(property, '.');
        Map<String, Boolean> sources = new LinkedHashMap<>();
        boolean above =
                environment.getPropertySources().contains(StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME);
        for (ConfigurationPropertySource source : ConfigurationPropertySources.from(environment.getPropertySources())) {
            String known = source.getUnderlyingSource() instanceof PropertySource<?> underlying
                    ? underlying.getName()
                    : "unnamed";
            if (source.getConfigurationProperty(name) != null
                    || source.containsDescendantOf(name) == ConfigurationPropertyState.PRESENT) {
                sources.put(known, above);
            }
            above &= !known.equals(StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME);
        }
        return sources;
    }
}
