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
        String where = "Value for key '" + key + "' in namespace '" + namespace + "': ";
        if (value == null) {
            throw new InvalidConfigException(where + "null is not a value; delete the key instead");
        }
        Codec.Encoded encoded;
        try {
            encoded = writer.encode(value);
        } catch (RuntimeException e) {
            throw new InvalidConfigException(where + e.getMessage());
        }
        // A char is at least one byte, so the length is counted exactly only for texts near the limit.
        if (encoded.text().length() > maximumBytes
                || (encoded.text().length() > maximumBytes / 4
                        && encoded.text().getBytes(StandardCharsets.UTF_8).length > maximumBytes)) {
            throw new InvalidConfigException(where + "larger than the limit of " + maximumBytes + " bytes");
        }
        return encoded;
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
