// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import io.configmanager.ConfigEntry;
import io.configmanager.codec.Codec;
import java.math.BigDecimal;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.source.ConfigurationProperty;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.boot.context.properties.source.IterableConfigurationPropertySource;
import org.springframework.boot.origin.Origin;

/**
 * What a view holds below a prefix, as properties: the values as the texts that one would write into a properties file,
 * objects and lists as properties below.
 */
final class ViewSource implements IterableConfigurationPropertySource {

    private static final int MOST_DIGITS = 1_000;
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_-]*[A-Za-z0-9][A-Za-z0-9_-]*");

    private final Map<ConfigurationPropertyName, ConfigurationProperty> properties = new LinkedHashMap<>();

    /** Where a property comes from. */
    record Key(String key, String kind) implements Origin {}

    /** Stands for a value that its codec cannot read. */
    private record Unreadable(String key, String reason) {}

    static final class UnreadableException extends RuntimeException {

        private static final long serialVersionUID = 1L;

        private final transient Unreadable value;

        private UnreadableException(Unreadable value) {
            super(value.reason());
            this.value = value;
        }

        String key() {
            return value.key();
        }
    }

    /**
     * @param prefix without {@code /} at its end; empty for the whole namespace
     * @param base the name that stands for the prefix
     */
    ViewSource(
            Collection<ConfigEntry> entries, String prefix, ConfigurationPropertyName base, Map<String, Codec> codecs) {
        String path = prefix.isEmpty() ? "" : prefix + "/";
        for (ConfigEntry entry : entries) {
            if (entry.key().startsWith(path)) {
                ConfigurationPropertyName name = base;
                for (String segment : entry.key().substring(path.length()).split("/")) {
                    name = append(name, segment);
                }
                add(name, entry.key(), read(entry, codecs));
            }
        }
    }

    private static Object read(ConfigEntry entry, Map<String, Codec> codecs) {
        Codec codec = codecs.get(entry.codec());
        if (codec == null) {
            return new Unreadable(entry.key(), "unknown codec '" + entry.codec() + "'");
        }
        try {
            return codec.decode(entry.value(), Object.class);
        } catch (RuntimeException e) {
            return new Unreadable(entry.key(), String.valueOf(e.getMessage()));
        }
    }

    private void add(ConfigurationPropertyName name, String key, @Nullable Object value) {
        if (value instanceof Map<?, ?> map && !map.isEmpty()) {
            map.forEach((member, element) -> add(append(name, String.valueOf(member)), key, element));
        } else if (value instanceof List<?> list && !list.isEmpty()) {
            for (int i = 0; i < list.size(); i++) {
                add(name.append("[" + i + "]"), key, list.get(i));
            }
        } else if (value != null) {
            properties.putIfAbsent(name, new ConfigurationProperty(name, text(value), new Key(key, kind(value))));
        }
    }

    private static ConfigurationPropertyName append(ConfigurationPropertyName name, String element) {
        return PLAIN.matcher(element).matches()
                ? name.append(ConfigurationPropertyName.adapt(element, '.'))
                : name.append("[" + element + "]");
    }

    private static Object text(Object value) {
        if (value instanceof Map<?, ?> || value instanceof List<?>) {
            return "";
        }
        if (value instanceof BigDecimal number && Math.abs((long) number.scale()) < MOST_DIGITS) {
            BigDecimal shortest = number.stripTrailingZeros();
            return shortest.scale() <= 0 ? shortest.toPlainString() : number.toPlainString();
        }
        return value instanceof Unreadable ? value : value.toString();
    }

    private static String kind(Object value) {
        return value instanceof Map<?, ?>
                ? "an empty object"
                : value instanceof List<?>
                        ? "an empty list"
                        : value instanceof Number ? "a number" : value instanceof Boolean ? "a boolean" : "a text";
    }

    /** Whether this very object is a value of this. */
    boolean holds(@Nullable Object value) {
        return properties.values().stream().anyMatch(property -> property.getValue() == value);
    }

    /** The key that brings a property, or null. */
    @Nullable
    String keyOf(ConfigurationPropertyName name) {
        ConfigurationProperty property = properties.get(name);
        return property != null && property.getOrigin() instanceof Key key ? key.key() : null;
    }

    @Override
    public @Nullable ConfigurationProperty getConfigurationProperty(@Nullable ConfigurationPropertyName name) {
        ConfigurationProperty property = properties.get(name);
        if (property != null && property.getValue() instanceof Unreadable value) {
            throw new UnreadableException(value);
        }
        return property;
    }

    @Override
    public Stream<ConfigurationPropertyName> stream() {
        return properties.keySet().stream();
    }
}
