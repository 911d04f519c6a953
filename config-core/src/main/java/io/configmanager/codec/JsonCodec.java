// SPDX-License-Identifier: Apache-2.0
package io.configmanager.codec;

import io.configmanager.ValueType;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JavaType;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.type.TypeFactory;

/**
 * JSON by Jackson. Numbers are exact: a fraction is not an int. Text that spells a number or boolean is read as one, a
 * scalar is read as text, an object or list read as text is its JSON. Lists, sets and maps are returned unmodifiable, also
 * those inside of them, unless the type asked for is a class of which there is no unmodifiable form.
 */
public final class JsonCodec implements Codec {

    /** The name stored with values of this codec. */
    public static final String NAME = "json";

    private final Supplier<JsonMapper> source;
    private volatile @Nullable JsonMapper made;

    public JsonCodec() {
        this(() -> JsonMapper.builder().build());
    }

    /**
     * With the modules and features of this mapper, made exact as described above.
     *
     * @param mapper asked at the first value, perhaps by two threads: Jackson is large, and an application that has no value
     *     yet should not wait for it to be loaded
     */
    public JsonCodec(Supplier<JsonMapper> mapper) {
        this.source = mapper;
    }

    private JsonMapper mapper() {
        JsonMapper known = made;
        if (known == null) {
            known = source.get()
                    .rebuild()
                    .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
                    .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build();
            made = known;
        }
        return known;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Encoded encode(Object value) {
        String text;
        try {
            text = mapper().writeValueAsString(value);
        } catch (RuntimeException e) {
            throw new IllegalArgumentException("a " + value.getClass().getName() + " cannot be written as JSON");
        }
        return new Encoded(text, typeOf(text));
    }

    @Override
    public Object decode(String text, Type type) {
        JsonMapper mapper = mapper();
        JavaType target = mapper.constructType(type);
        if (type == String.class) {
            String start = text.stripLeading();
            if (start.startsWith("{") || start.startsWith("[")) {
                return text;
            }
        }
        Object value;
        try {
            value = mapper.readValue(text, target);
        } catch (RuntimeException e) {
            throw failure(e, text, type);
        }
        if (value == null) {
            throw new IllegalArgumentException("null is not a value; delete the key instead");
        }
        return readOnly(value, target);
    }

    @Override
    public void check(String text) {
        try (JsonParser parser = mapper().createParser(text)) {
            if (parser.nextToken() == null || parser.currentToken() == JsonToken.VALUE_NULL) {
                throw new IllegalArgumentException("null or nothing is not a value; delete the key instead");
            }
            parser.skipChildren();
            if (parser.nextToken() != null) {
                throw new IllegalArgumentException("more than one JSON value");
            }
        } catch (JacksonException e) {
            throw new IllegalArgumentException("text that is not JSON" + at(e));
        }
    }

    /** The kind of a JSON text by its first character. */
    private static ValueType typeOf(String text) {
        return switch (text.charAt(0)) {
            case '{' -> ValueType.OBJECT;
            case '[' -> ValueType.LIST;
            case '"' -> ValueType.STRING;
            case 't', 'f' -> ValueType.BOOLEAN;
            case 'n' -> throw new IllegalArgumentException("null is not a value; delete the key instead");
            default ->
                text.chars().anyMatch(c -> c == '.' || c == 'e' || c == 'E') ? ValueType.DECIMAL : ValueType.INTEGER;
        };
    }

    /** Messages of Jackson, and of foreign code it calls, quote the value, which may be a secret: none is kept. */
    private IllegalArgumentException failure(RuntimeException e, String text, Type type) {
        String found;
        try {
            check(text);
            found = typeOf(text.strip()).label() + " that does not fit it"
                    + (e instanceof JacksonException jackson ? at(jackson) : "");
        } catch (IllegalArgumentException broken) {
            found = String.valueOf(broken.getMessage());
        }
        return new IllegalArgumentException("expected " + type.getTypeName() + ", found " + found);
    }

    private static String at(JacksonException e) {
        var location = e.getLocation();
        return location == null || location.getLineNr() < 1
                ? ""
                : " (line " + location.getLineNr() + ", column " + location.getColumnNr() + ")";
    }

    private static Object readOnly(Object value, JavaType type) {
        Object wrapped = wrapped(value, type);
        return type.getRawClass().isInstance(wrapped) ? wrapped : value;
    }

    private static Object wrapped(Object value, JavaType type) {
        if (value instanceof List<?> list) {
            return Collections.unmodifiableList(withReadOnlyElements(list, type));
        }
        if (value instanceof NavigableSet<?> set) {
            return Collections.unmodifiableNavigableSet(set);
        }
        if (value instanceof Set<?> set) {
            return Collections.unmodifiableSet(new LinkedHashSet<>(withReadOnlyElements(set, type)));
        }
        if (value instanceof NavigableMap<?, ?> map) {
            return Collections.unmodifiableNavigableMap(withReadOnlyValues(map, type));
        }
        if (value instanceof Map<?, ?> map) {
            Map<Object, @Nullable Object> copy = new LinkedHashMap<>(map);
            copy.replaceAll((key, element) -> readOnlyElement(element, type));
            return Collections.unmodifiableMap(copy);
        }
        return value;
    }

    private static List<@Nullable Object> withReadOnlyElements(Collection<?> elements, JavaType type) {
        List<@Nullable Object> copy = new ArrayList<>(elements);
        copy.replaceAll(element -> readOnlyElement(element, type));
        return copy;
    }

    private static <K> NavigableMap<K, @Nullable Object> withReadOnlyValues(NavigableMap<K, ?> map, JavaType type) {
        NavigableMap<K, @Nullable Object> copy = new TreeMap<>(map);
        copy.replaceAll((key, element) -> readOnlyElement(element, type));
        return copy;
    }

    private static @Nullable Object readOnlyElement(@Nullable Object element, JavaType container) {
        JavaType type = container.getContentType();
        return element == null ? null : readOnly(element, type == null ? TypeFactory.unknownType() : type);
    }
}
