// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import io.configmanager.codec.Codec;
import io.configmanager.codec.JsonCodec;
import java.lang.reflect.Array;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Duration;
import java.time.Period;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.springframework.core.CollectionFactory;
import org.springframework.core.ResolvableType;
import org.springframework.core.convert.ConversionService;
import org.springframework.core.convert.TypeDescriptor;
import org.springframework.util.ClassUtils;
import org.springframework.util.function.SingletonSupplier;
import org.springframework.util.unit.DataSize;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.DatabindException;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.SerializationContext;
import tools.jackson.databind.ValueDeserializer;
import tools.jackson.databind.ValueSerializer;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.module.SimpleModule;
import tools.jackson.databind.node.StringNode;

/**
 * JSON whose texts are understood as Spring understands properties: {@code "5s"} is a {@code Duration}, {@code "10MB"} a
 * {@code DataSize}, {@code "red"} an enum, {@code "a,b"} a list. Numbers are exact; objects are read by Jackson. Writes as
 * {@link JsonCodec} does. Messages say what was expected and what kind was found, never the value.
 */
final class ConvertingJsonCodec implements Codec {

    private static final TypeDescriptor TEXT = TypeDescriptor.valueOf(String.class);
    private static final Set<Class<?>> TEXT_FORMS = Set.of(Duration.class, Period.class, DataSize.class);
    private static final int MAX_INTEGER_DIGITS = 10_000;
    private static final int MOST_NAMED_CONSTANTS = 20;

    private final JsonCodec json;
    private final SingletonSupplier<JsonMapper> mapper;
    private final List<ConversionService> conversions;

    /**
     * @param mapper asked at the first value
     * @param conversions asked in this order
     */
    ConvertingJsonCodec(Supplier<JsonMapper> mapper, List<ConversionService> conversions) {
        this.conversions = List.copyOf(conversions);
        this.mapper = SingletonSupplier.of(() -> mapper.get()
                .rebuild()
                .addModule(textForms())
                .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
                .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
                .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
                .build());
        this.json = new JsonCodec(this.mapper);
    }

    @Override
    public String name() {
        return JsonCodec.NAME;
    }

    @Override
    public Encoded encode(Object value) {
        return json.encode(value);
    }

    @Override
    public void check(String text) {
        json.check(text);
    }

    @Override
    public Object decode(String text, Type type) {
        JsonNode node;
        try {
            node = mapper.obtain().readTree(text);
        } catch (JacksonException e) {
            throw new IllegalArgumentException("expected " + type.getTypeName() + ", found text that is not JSON");
        }
        return convert(node, ResolvableType.forType(type));
    }

    /** A value as a person writes it into an annotation: plain text, or JSON where the type needs structure. */
    Object parse(String text, Type type) {
        ResolvableType target = ResolvableType.forType(type);
        String stripped = text.strip();
        boolean structured = isCollection(target.toClass()) || !isConvertible(TEXT, target);
        return structured && (stripped.startsWith("{") || stripped.startsWith("["))
                ? decode(stripped, type)
                : convert(StringNode.valueOf(text), target);
    }

    private Object convert(JsonNode node, ResolvableType type) {
        if (node.isNull() || node.isMissingNode()) {
            throw mismatch(type, node);
        }
        Class<?> raw = ClassUtils.resolvePrimitiveIfNecessary(type.toClass());
        if (raw == String.class || raw == CharSequence.class) {
            return node.isValueNode() ? node.asString() : node.toString();
        }
        if (raw == Object.class || JsonNode.class.isAssignableFrom(raw)) {
            return bind(node, type);
        }
        if (raw.isArray() || isCollection(raw)) {
            return collection(node, type, raw);
        }
        if (Map.class.isAssignableFrom(raw)) {
            return map(node, type, raw);
        }
        return node.isValueNode() ? scalar(node, type, raw) : bind(node, type);
    }

    private Object scalar(JsonNode node, ResolvableType type, Class<?> raw) {
        if (node.isNumber() && Number.class.isAssignableFrom(raw)) {
            return exact(node, type, raw);
        }
        if (node.isBoolean() && raw == Boolean.class) {
            return node.booleanValue();
        }
        if (!node.isString() && (raw.isEnum() || raw == Boolean.class || Number.class.isAssignableFrom(raw))) {
            throw mismatch(type, node);
        }
        Object source = node.isString()
                ? node.stringValue()
                : node.isBoolean() ? (Object) node.booleanValue() : node.numberValue();
        // Spring reads dates in the form of a locale; Jackson in the form of ISO 8601.
        boolean date = raw.getName().startsWith("java.time.") && !TEXT_FORMS.contains(raw);
        TypeDescriptor from = TypeDescriptor.valueOf(source.getClass());
        return !date && isConvertible(from, type) ? spring(source, from, type, node) : bind(node, type);
    }

    private Object collection(JsonNode node, ResolvableType type, Class<?> raw) {
        ResolvableType elementType = raw.isArray()
                ? type.getComponentType()
                : type.as(Iterable.class).getGeneric();
        if (node.isString()) {
            return readOnly(spring(node.stringValue(), TEXT, type, node), raw);
        }
        if (node.isObject()) {
            throw mismatch(type, node);
        }
        List<Object> elements = new ArrayList<>();
        if (node.isArray()) {
            node.forEach(element -> elements.add(convert(element, elementType)));
        } else {
            elements.add(convert(node, elementType));
        }
        if (raw.isArray()) {
            Object array = Array.newInstance(raw.getComponentType(), elements.size());
            for (int i = 0; i < elements.size(); i++) {
                Array.set(array, i, elements.get(i));
            }
            return array;
        }
        Class<?> known = raw == Iterable.class ? List.class : raw;
        Collection<Object> target = CollectionFactory.createCollection(known, elementType.resolve(), elements.size());
        target.addAll(elements);
        return readOnly(target, raw);
    }

    private Object map(JsonNode node, ResolvableType type, Class<?> raw) {
        if (!node.isObject()) {
            throw mismatch(type, node);
        }
        ResolvableType keyType = type.as(Map.class).getGeneric(0);
        ResolvableType valueType = type.as(Map.class).getGeneric(1);
        Map<Object, Object> target = CollectionFactory.createMap(raw, keyType.resolve(), node.size());
        for (Map.Entry<String, JsonNode> member : node.properties()) {
            target.put(convert(StringNode.valueOf(member.getKey()), keyType), convert(member.getValue(), valueType));
        }
        return raw == Map.class ? Collections.unmodifiableMap(target) : target;
    }

    private static boolean isCollection(Class<?> raw) {
        return raw == Iterable.class || Collection.class.isAssignableFrom(raw) || raw.isArray();
    }

    private static Object readOnly(Object value, Class<?> raw) {
        if (raw == List.class || raw == Collection.class || raw == Iterable.class) {
            return value instanceof List<?> list ? Collections.unmodifiableList(list) : value;
        }
        return raw == Set.class && value instanceof Set<?> set ? Collections.unmodifiableSet(set) : value;
    }

    private static Object exact(JsonNode node, ResolvableType type, Class<?> raw) {
        BigDecimal number = node.decimalValue();
        try {
            if (raw == Integer.class) {
                return number.intValueExact();
            } else if (raw == Long.class) {
                return number.longValueExact();
            } else if (raw == Short.class) {
                return number.shortValueExact();
            } else if (raw == Byte.class) {
                return number.byteValueExact();
            } else if (raw == Double.class) {
                return finite(number.doubleValue());
            } else if (raw == Float.class) {
                finite(number.floatValue());
                return number.floatValue();
            } else if (raw == BigDecimal.class || raw == Number.class) {
                return number;
            } else if (raw == BigInteger.class && number.scale() > -MAX_INTEGER_DIGITS) {
                return number.toBigIntegerExact();
            }
        } catch (ArithmeticException tooBigOrNotWhole) {
            throw mismatch(type, node);
        }
        throw mismatch(type, node);
    }

    private static double finite(double value) {
        if (Double.isInfinite(value)) {
            throw new ArithmeticException();
        }
        return value;
    }

    private boolean isConvertible(TypeDescriptor from, ResolvableType type) {
        TypeDescriptor to = new TypeDescriptor(type, null, null);
        return conversions.stream().anyMatch(conversion -> conversion.canConvert(from, to));
    }

    private Object spring(Object source, TypeDescriptor from, ResolvableType type, JsonNode node) {
        TypeDescriptor to = new TypeDescriptor(type, null, null);
        for (ConversionService conversion : conversions) {
            Object converted = null;
            try {
                converted = conversion.canConvert(from, to) ? conversion.convert(source, from, to) : null;
            } catch (RuntimeException quotesTheValue) {
                // The next service may know more forms of the text.
            }
            if (converted != null) {
                return converted;
            }
        }
        throw mismatch(type, node);
    }

    private Object bind(JsonNode node, ResolvableType type) {
        try {
            JsonMapper json = mapper.obtain();
            Object value = json.treeToValue(node, json.constructType(type.getType()));
            if (value != null) {
                return value;
            }
        } catch (DatabindException e) {
            String path = e.getPath().stream()
                    .map(step -> step.getPropertyName() == null ? "[" + step.getIndex() + "]" : step.getPropertyName())
                    .collect(Collectors.joining("."));
            throw mismatch(type, path.isEmpty() ? "" : " (at " + path + ")", node);
        } catch (JacksonException e) {
            throw mismatch(type, node);
        }
        throw mismatch(type, node);
    }

    private static IllegalArgumentException mismatch(ResolvableType type, JsonNode node) {
        return mismatch(type, "", node);
    }

    private static IllegalArgumentException mismatch(ResolvableType type, String where, JsonNode node) {
        return new IllegalArgumentException("expected " + type + constants(type.toClass()) + where + ", found "
                + kind(node) + " that does not fit it");
    }

    /** What a text may be, if that is a short list. */
    static String constants(Class<?> type) {
        Object[] constants = type.getEnumConstants();
        return constants == null || constants.length > MOST_NAMED_CONSTANTS
                ? ""
                : Arrays.stream(constants)
                        .map(constant -> ((Enum<?>) constant).name())
                        .collect(Collectors.joining(", ", " (one of ", ")"));
    }

    private static String kind(JsonNode node) {
        return switch (node.getNodeType()) {
            case ARRAY -> "a list";
            case BOOLEAN -> "a boolean";
            case NUMBER -> node.isIntegralNumber() ? "an integer" : "a decimal";
            case OBJECT, POJO -> "an object";
            case STRING, BINARY -> "a text";
            case NULL -> "null";
            case MISSING -> "nothing";
        };
    }

    /** Types that people write as text, also inside of objects. */
    private SimpleModule textForms() {
        SimpleModule module = new SimpleModule("config");
        module.addDeserializer(Duration.class, new Converted<>(Duration.class));
        module.addDeserializer(Period.class, new Converted<>(Period.class));
        module.addDeserializer(DataSize.class, new Converted<>(DataSize.class));
        module.addSerializer(DataSize.class, new ValueSerializer<>() {
            @Override
            public void serialize(DataSize value, JsonGenerator generator, SerializationContext context) {
                generator.writeString(value.toString());
            }
        });
        return module;
    }

    private final class Converted<T> extends ValueDeserializer<T> {

        private final Class<T> type;

        Converted(Class<T> type) {
            this.type = type;
        }

        @Override
        public T deserialize(JsonParser parser, DeserializationContext context) {
            JsonNode node = context.readTree(parser);
            try {
                return type.cast(scalar(node, ResolvableType.forClass(type), type));
            } catch (IllegalArgumentException e) {
                return context.reportInputMismatch(this, "%s", e.getMessage());
            }
        }
    }
}
