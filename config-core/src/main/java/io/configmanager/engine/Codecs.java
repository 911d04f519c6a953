// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigEntry;
import io.configmanager.InvalidConfigException;
import io.configmanager.codec.Codec;
import io.configmanager.codec.JsonCodec;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The codecs of one manager, by name; JSON is always one of them, because rows typed by hand are. */
final class Codecs {

    private final Codec writer;
    private final Map<String, Codec> byName = new HashMap<>();
    private final int maximumBytes;

    Codecs(Codec writer, List<Codec> others, int maximumBytes) {
        this.writer = writer;
        this.maximumBytes = maximumBytes;
        byName.put(JsonCodec.NAME, new JsonCodec());
        others.forEach(codec -> byName.put(codec.name(), codec));
        byName.put(writer.name(), writer);
    }

    Codec writer() {
        return writer;
    }

    Codec named(String name) {
        Codec codec = byName.get(name);
        if (codec == null) {
            throw new IllegalArgumentException(
                    "unknown codec '" + name + "'; known are " + new TreeSet<>(byName.keySet()));
        }
        return codec;
    }

    Codec.Encoded encode(String namespace, String key, @Nullable Object value) {
        String where = where(namespace, key);
        if (value == null) {
            throw new InvalidConfigException(where + "null is not a value; delete the key instead");
        }
        Codec.Encoded encoded;
        try {
            encoded = writer.encode(value);
        } catch (RuntimeException e) {
            throw new InvalidConfigException(where + e.getMessage());
        }
        requireStorable(namespace, key, encoded.text());
        return encoded;
    }

    /** Refuses an encoded value that is too large, or that no store could give back as it is. */
    void requireStorable(String namespace, String key, String text) {
        // A char is at least one byte, so the length is counted exactly only for texts near the limit.
        if (text.length() > maximumBytes
                || (text.length() > maximumBytes / 4 && text.getBytes(StandardCharsets.UTF_8).length > maximumBytes)) {
            throw new InvalidConfigException(
                    where(namespace, key) + "larger than the limit of " + maximumBytes + " bytes");
        }
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
            throw new InvalidConfigException(where(namespace, key) + "half of a surrogate pair is not Unicode");
        }
    }

    private static String where(String namespace, String key) {
        return "Value for key '" + key + "' in namespace '" + namespace + "': ";
    }

    /** Why the entry's value can never be read, or null if it can. */
    @Nullable
    String defect(ConfigEntry entry) {
        try {
            named(entry.codec()).check(entry.value());
            return null;
        } catch (RuntimeException e) {
            return String.valueOf(e.getMessage());
        } catch (Error e) {
            // One row must not end the watch of all others; an error's text is not written with secrets in mind.
            return e.getClass().getName();
        }
    }
}
