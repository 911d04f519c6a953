// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigException;
import io.configmanager.ConfigView;
import io.configmanager.codec.JsonCodec;
import io.configmanager.spring.ConfigEntryOrigin;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.origin.Origin;
import org.springframework.boot.origin.OriginLookup;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.EnumerablePropertySource;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The entries of a namespace as properties: {@code app/limits/max} is {@code app.limits.max}, and objects and lists are taken
 * apart. Each answer is of one revision. First what was read at the start, then, once there is a manager, what that has.
 */
final class ConfigPropertySource extends EnumerablePropertySource<ConfigImportResource>
        implements OriginLookup<String> {

    private static final String LOG_LEVEL = "logging.level.";

    private volatile Content content = new Content(0, Map.of(), Map.of());
    private volatile @Nullable Supplier<ConfigView> newest;
    private volatile boolean storeWasAway;
    private volatile @Nullable String namespace;
    private volatile @Nullable String problem;

    /** Counts the changes; content is current that has seen them all. */
    private final AtomicLong changes = new AtomicLong();

    /** Jackson is large: an application that imports nothing must not wait for it. */
    private static final class Json {
        static final JsonMapper MAPPER = JsonMapper.builder().build();
    }

    private record Property(String value, ConfigEntry entry) {}

    /** An entry as properties, in its order. */
    private record Parsed(ConfigEntry entry, Map<String, String> properties) {}

    /** What is shown, and how many changes it has seen. */
    private static final class Content {
        final long seen;
        final Map<String, Parsed> byKey;
        final Map<String, Property> properties;
        final String[] names;

        Content(long seen, Map<String, Parsed> byKey, Map<String, Property> properties) {
            this.seen = seen;
            this.byKey = byKey;
            this.properties = properties;
            this.names = properties.keySet().toArray(String[]::new);
        }
    }

    ConfigPropertySource(ConfigImportResource resource) {
        super(resource.toString(), resource);
    }

    static List<ConfigPropertySource> of(ConfigurableEnvironment environment) {
        return environment.getPropertySources().stream()
                .filter(ConfigPropertySource.class::isInstance)
                .map(ConfigPropertySource.class::cast)
                .toList();
    }

    boolean optional() {
        return source.optional;
    }

    /** Asked first with the default that the other properties say; an entry does not change it any more. */
    String namespace(String defaultNamespace) {
        String known = namespace;
        if (known == null) {
            String base =
                    source.location.isEmpty() ? defaultNamespace : source.location.equals("_") ? "" : source.location;
            known = source.profile == null ? base : base.isEmpty() ? source.profile : base + "-" + source.profile;
            namespace = known;
        }
        return known;
    }

    /**
     * Shows these entries until it follows something.
     *
     * @param live whether the store said so, and not a boot snapshot
     */
    void fill(Collection<ConfigEntry> entries, boolean live) {
        storeWasAway = !live;
        content = content(changes.get(), entries, Map.of());
    }

    /** Shows nothing until it follows something, for this reason. */
    void leaveEmpty(String reason) {
        storeWasAway = true;
        problem = reason;
    }

    /** Whether the import has already waited for the store in vain. */
    boolean storeWasAway() {
        return storeWasAway;
    }

    /** Why it was left empty, or null. */
    @Nullable
    String problem() {
        return problem;
    }

    /** From now on shows what this supplies; {@link #changed()} says when it has to be asked again. */
    void follow(Supplier<ConfigView> view) {
        newest = view;
        changed();
    }

    void changed() {
        changes.incrementAndGet();
    }

    private Content content() {
        Content known = content;
        return known.seen == changes.get() ? known : refreshed();
    }

    private synchronized Content refreshed() {
        Supplier<ConfigView> source = newest;
        long seen = changes.get();
        if (content.seen != seen && source != null) {
            try {
                content = content(seen, source.get().entries(), content.byKey);
            } catch (ConfigException e) {
                // Closed, or grown too large to be held: what is known stays.
                content = new Content(seen, content.byKey, content.properties);
            }
        }
        return content;
    }

    private static Content content(long seen, Collection<ConfigEntry> entries, Map<String, Parsed> known) {
        Map<String, Parsed> byKey = new HashMap<>();
        Map<String, Property> properties = new LinkedHashMap<>();
        entries.stream()
                .filter(entry -> entry.codec().equals(JsonCodec.NAME))
                .sorted(Comparator.comparing(ConfigEntry::key))
                .forEach(entry -> {
                    Parsed before = known.get(entry.key());
                    Parsed parsed = before != null && before.entry() == entry ? before : parse(entry);
                    byKey.put(entry.key(), parsed);
                    parsed.properties().forEach((name, value) -> properties.put(name, new Property(value, entry)));
                });
        return new Content(seen, byKey, properties);
    }

    private static Parsed parse(ConfigEntry entry) {
        Map<String, String> properties = new LinkedHashMap<>();
        try {
            flatten(entry.key().replace('/', '.'), Json.MAPPER.readTree(entry.value()), properties);
        } catch (JacksonException e) {
            // The manager rejects such an entry and says so.
        }
        return new Parsed(entry, properties);
    }

    private static void flatten(String name, JsonNode node, Map<String, String> properties) {
        if (node.isObject()) {
            node.properties().forEach(member -> flatten(name + "." + member.getKey(), member.getValue(), properties));
        } else if (node.isArray() && !node.isEmpty()) {
            for (int i = 0; i < node.size(); i++) {
                flatten(name + "[" + i + "]", node.get(i), properties);
            }
        } else if (!node.isNull()) {
            String text = node.isArray() ? "" : node.asString();
            // Spring Boot would not start with such a level, and print it.
            if (!name.startsWith(LOG_LEVEL) || ConfigLogLevels.level(text) != null) {
                properties.put(name, text);
            }
        }
    }

    /** The names of all properties that these changes touch. */
    static Set<String> names(List<ConfigChange> changes) {
        Set<String> names = new TreeSet<>();
        for (ConfigChange change : changes) {
            Stream.of(change.before(), change.after()).forEach(entry -> {
                if (entry != null) {
                    names.addAll(parse(entry).properties().keySet());
                }
            });
        }
        return names;
    }

    @Override
    public String[] getPropertyNames() {
        return content().names;
    }

    @Override
    public @Nullable Object getProperty(String name) {
        Property property = content().properties.get(name);
        return property == null ? null : property.value();
    }

    @Override
    public boolean containsProperty(String name) {
        return content().properties.containsKey(name);
    }

    @Override
    public @Nullable Origin getOrigin(String name) {
        Property property = content().properties.get(name);
        return property == null ? null : new ConfigEntryOrigin(property.entry());
    }

    boolean isSecret(String name) {
        Property property = content().properties.get(name);
        return property != null && property.entry().secret();
    }
}
