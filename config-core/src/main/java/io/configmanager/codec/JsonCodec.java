// SPDX-License-Identifier: Apache-2.0
package io.configmanager.codec;

import io.configmanager.ValueType;
import java.lang.reflect.Type;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.DatabindException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * JSON by Jackson. Numbers are exact: a fraction is not an int. Text that spells a number or boolean is read as one, a
 * scalar is read as text, an object or list read as text is its JSON. Lists, sets and maps are returned unmodifiable.
 */
public final class JsonCodec implements Codec {

    /** The name stored with values of this codec. */
    public static final String NAME = "json";

    private final JsonMapper mapper;

    public JsonCodec() {
        this(JsonMapper.builder().build());
    }

    /** With the modules and features of this mapper, made exact as described above. */
    public JsonCodec(JsonMapper mapper) {
        this.mapper = mapper.rebuild()
                .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
                .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .build();
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Encoded encode(Object value) {
        String text;
        try {
            text = mapper.writeValueAsString(value);
        } catch (JacksonException e) {
            throw new IllegalArgumentException("a " + value.getClass().getName() + " cannot be written as JSON");
        }
        return new Encoded(text, typeOf(text));
    }

    @Override
    public Object decode(String text, Type type) {
        if (type == String.class && !text.isEmpty() && (text.charAt(0) == '{' || text.charAt(0) == '[')) {
            return text;
        }
        try {
            return readOnly(mapper.readValue(text, mapper.constructType(type)));
        } catch (JacksonException e) {
            throw failure(e, text, type);
        }
    }

    @Override
    public void check(String text) {
        try (JsonParser parser = mapper.createParser(text)) {
            if (parser.nextToken() == null || parser.currentToken() == JsonToken.VALUE_NULL) {
                throw new IllegalArgumentException("null or nothing is not a value; delete the key instead");
            }
            parser.skipChildren();
            if (parser.nextToken() != null) {
                throw new IllegalArgumentException("more than one JSON value");
            }
        } catch (JacksonException e) {
            throw new IllegalArgumentException("not JSON" + at(e));
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

    /** Jackson's own messages quote the value, which may be a secret: neither message nor cause is kept. */
    private IllegalArgumentException failure(JacksonException e, String text, Type type) {
        if (!(e instanceof DatabindException)) {
            return new IllegalArgumentException(
                    "expected " + type.getTypeName() + ", found text that is not JSON" + at(e));
        }
        String found;
        try {
            check(text);
            found = typeOf(text.strip()).label();
        } catch (IllegalArgumentException broken) {
            return new IllegalArgumentException("expected " + type.getTypeName() + ", found " + broken.getMessage());
        }
        return new IllegalArgumentException(
                "expected " + type.getTypeName() + ", found " + found + " that does not fit it" + at(e));
    }

    private static String at(JacksonException e) {
        var location = e.getLocation();
        return location == null || location.getLineNr() < 1
                ? ""
                : " (line " + location.getLineNr() + ", column " + location.getColumnNr() + ")";
    }

    private static Object readOnly(@Nullable Object value) {
        if (value == null) {
            throw new IllegalArgumentException("null is not a value; delete the key instead");
        }
        if (value instanceof List<?> list) {
            return Collections.unmodifiableList(list);
        }
        if (value instanceof Set<?> set) {
            return Collections.unmodifiableSet(set);
        }
        return value instanceof Map<?, ?> map ? Collections.unmodifiableMap(map) : value;
    }
}
