// SPDX-License-Identifier: Apache-2.0
package io.configmanager.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.configmanager.TypeRef;
import io.configmanager.ValueType;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.Properties;
import java.util.Queue;
import java.util.Set;
import java.util.SortedMap;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.SerializationContext;
import tools.jackson.databind.ValueDeserializer;
import tools.jackson.databind.ValueSerializer;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.module.SimpleModule;

class JsonCodecTest {

    private static final String SECRET = "hunter2";

    private final JsonCodec codec = new JsonCodec();

    record Point(int x, int y) {}

    @Test
    void theKindOfAValueIsTheKindOfItsText() {
        assertThat(codec.encode("a")).isEqualTo(new Codec.Encoded("\"a\"", ValueType.STRING));
        assertThat(codec.encode(1)).isEqualTo(new Codec.Encoded("1", ValueType.INTEGER));
        assertThat(codec.encode(-1L)).isEqualTo(new Codec.Encoded("-1", ValueType.INTEGER));
        assertThat(codec.encode(1.5)).isEqualTo(new Codec.Encoded("1.5", ValueType.DECIMAL));
        assertThat(codec.encode(1e300).type()).isEqualTo(ValueType.DECIMAL);
        assertThat(codec.encode(true)).isEqualTo(new Codec.Encoded("true", ValueType.BOOLEAN));
        assertThat(codec.encode(List.of(1))).isEqualTo(new Codec.Encoded("[1]", ValueType.LIST));
        assertThat(codec.encode(new Point(1, 2))).isEqualTo(new Codec.Encoded("{\"x\":1,\"y\":2}", ValueType.OBJECT));
        assertThat(codec.encode(Duration.ofSeconds(5)).text()).isEqualTo("\"PT5S\"");
    }

    @Test
    void whatWasWrittenIsRead() {
        Object[] values = {
            "",
            "a\u0000\"\\\n\u20ac\ud83d\ude00",
            1,
            Long.MIN_VALUE,
            0.1,
            true,
            new Point(1, 2),
            new BigInteger("123456789012345678901234567890"),
            new BigDecimal("0.10000000000000000000000001"),
            Duration.ofMillis(1),
            Double.NaN,
            ValueType.LIST
        };

        for (Object value : values) {
            assertThat(codec.decode(codec.encode(value).text(), value.getClass()))
                    .isEqualTo(value);
        }
    }

    @ParameterizedTest
    @CsvSource({"1.5,int", "1.0,long", "3000000000,int", "99999999999999999999,long", "300,byte", "1e3,int"})
    void numbersAreExact(String text, String type) {
        Map<String, Class<?>> types = Map.of("int", Integer.class, "long", Long.class, "byte", Byte.class);

        assertRefused(text, types.get(type))
                .hasMessageContaining("does not fit")
                .hasMessageNotContaining("not JSON");
    }

    @Test
    void textThatSpellsAScalarIsReadAsOneAndAScalarAsText() {
        assertThat(codec.decode("\"12\"", Integer.class)).isEqualTo(12);
        assertThat(codec.decode("\"true\"", Boolean.class)).isEqualTo(true);
        assertThat(codec.decode("12", String.class)).isEqualTo("12");
        assertThat(codec.decode("true", String.class)).isEqualTo("true");
    }

    @Test
    void anObjectOrListReadAsTextIsItsJson() {
        assertThat(codec.decode("{\"a\":1}", String.class)).isEqualTo("{\"a\":1}");
        assertThat(codec.decode("[1, 2]", String.class)).isEqualTo("[1, 2]");
        assertThat(codec.decode(" \n{\"a\":1}", String.class))
                .as("as typed by hand")
                .isEqualTo(" \n{\"a\":1}");
    }

    @Test
    void nullIsNoValue() {
        assertThatThrownBy(() -> codec.encode(java.util.Optional.empty())).hasMessageContaining("null is not a value");
        assertRefused("null", String.class).hasMessageContaining("null");
        assertRefused("null", Integer.class).hasMessageContaining("null");
        assertRefused("null", int.class);
        assertRefused("", Integer.class);
        assertThatThrownBy(() -> codec.check("null")).hasMessageContaining("null");
        assertThatThrownBy(() -> codec.check(" ")).hasMessageContaining("nothing");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{",
                "[1,",
                "{\"hunter2\"",
                "hunter2",
                "\"hunter2",
                "1 hunter2",
                "{} {}",
                "[1}",
                "tru",
                "01",
                "1."
            })
    void brokenJsonIsNamedWithoutASnippet(String text) {
        assertThatThrownBy(() -> codec.check(text)).satisfies(JsonCodecTest::tellsNothing);
        assertRefused(text, Point.class);
        assertRefused(text, Object.class);
    }

    @Test
    void brokenTextThatLooksLikeAnObjectIsFoundByTheCheckWhenItArrives() {
        assertThatThrownBy(() -> codec.check("{hunter2}")).satisfies(JsonCodecTest::tellsNothing);
        assertThatCode(() -> codec.check(" {\"a\": [1, \"\\u00e9\"]}\n")).doesNotThrowAnyException();
    }

    @Test
    void whereTheTextIsWrongIsSaid() {
        assertThatThrownBy(() -> codec.check("{\n\"a\": hunter2}")).hasMessageContaining("(line 2, column ");
        assertRefused("{\n\"x\": []}", Point.class)
                .hasMessageContaining("object that does not fit it (line 2, column ");
    }

    @Test
    void whatDoesNotFitIsNamedByKindWithoutASnippet() {
        assertRefused("\"hunter2\"", Integer.class)
                .hasMessageContaining("java.lang.Integer")
                .hasMessageContaining("string");
        assertRefused("{\"x\":\"hunter2\"}", Point.class).hasMessageContaining("object");
        assertRefused("\"hunter2\"", Duration.class);
        assertRefused("\"hunter2\"", ValueType.class);
        assertRefused("[\"hunter2\"]", type(new TypeRef<List<Integer>>() {}));
        assertRefused("{\"a\":\"hunter2\"}", type(new TypeRef<Map<String, Integer>>() {}));
        assertRefused("\"hunter2\"", Point.class);
        assertRefused("\"hunter2\"", Runnable.class);
        assertRefused("{\"hunter2\":1}", Picky.class);
    }

    record Picky(String hunter2) {
        Picky {
            throw new IllegalArgumentException("refuses " + hunter2 + " " + SECRET);
        }
    }

    @Test
    void foreignSerializersCannotMakeItTell() {
        SimpleModule careless = new SimpleModule()
                .addDeserializer(Point.class, new ValueDeserializer<Point>() {
                    @Override
                    public Point deserialize(JsonParser parser, DeserializationContext context) {
                        throw new IllegalStateException("cannot read " + SECRET);
                    }
                })
                .addSerializer(Point.class, new ValueSerializer<Point>() {
                    @Override
                    public void serialize(Point value, JsonGenerator generator, SerializationContext context) {
                        throw new IllegalStateException("cannot write " + SECRET);
                    }
                });
        JsonCodec foreign =
                new JsonCodec(() -> JsonMapper.builder().addModule(careless).build());

        assertThatThrownBy(() -> foreign.decode("{}", Point.class)).satisfies(JsonCodecTest::tellsNothing);
        assertThatThrownBy(() -> foreign.encode(new Point(1, 2))).satisfies(JsonCodecTest::tellsNothing);
    }

    @Test
    void aValueThatContainsItselfIsRefused() {
        List<Object> self = new ArrayList<>(List.of(SECRET));
        self.add(self);

        assertThatThrownBy(() -> codec.encode(self)).satisfies(JsonCodecTest::tellsNothing);
    }

    @Test
    void absurdDepthIsRefusedWithoutAnError() {
        String deep = "[".repeat(100_000) + "]".repeat(100_000);

        assertThatThrownBy(() -> codec.check(deep)).isInstanceOf(IllegalArgumentException.class);
        assertRefused(deep, Object.class);
    }

    @Test
    void collectionsAreUnmodifiableAtEveryDepth() {
        Map<?, ?> map = (Map<?, ?>) codec.decode("{\"a\":[{\"b\":[1]}]}", Object.class);
        List<?> list = (List<?>) codec.decode("[[1]]", type(new TypeRef<List<List<Integer>>>() {}));
        Set<?> set = (Set<?>) codec.decode("[[1]]", type(new TypeRef<Set<List<Integer>>>() {}));
        Collection<?> collection = (Collection<?>) codec.decode("[1]", Collection.class);
        Map<?, ?> sorted =
                (Map<?, ?>) codec.decode("{\"a\":[1]}", type(new TypeRef<SortedMap<String, List<Integer>>>() {}));

        for (Collection<?> each : List.of(
                map.values(),
                (Collection<?>) map.get("a"),
                ((Map<?, ?>) ((List<?>) map.get("a")).get(0)).values(),
                list,
                (Collection<?>) list.get(0),
                set,
                (Collection<?>) set.iterator().next(),
                collection,
                sorted.values(),
                (Collection<?>) sorted.get("a"))) {
            assertThatThrownBy(each::clear).isInstanceOf(UnsupportedOperationException.class);
        }
    }

    @Test
    void aCollectionIsOfTheTypeThatWasAskedFor() {
        assertThat(codec.decode("[2,1]", ArrayList.class)).isInstanceOf(ArrayList.class);
        assertThat(codec.decode("{}", LinkedHashMap.class)).isInstanceOf(LinkedHashMap.class);
        assertThat(codec.decode("{\"a\":\"1\"}", Properties.class)).isInstanceOf(Properties.class);
        assertThat(codec.decode("[1]", type(new TypeRef<Queue<Integer>>() {}))).isInstanceOf(Queue.class);
        Object set = codec.decode("[2,1]", type(new TypeRef<NavigableSet<Integer>>() {}));
        Object map = codec.decode("{\"b\":1,\"a\":2}", type(new TypeRef<NavigableMap<String, Integer>>() {}));
        assertThat((NavigableSet<?>) set).hasToString("[1, 2]");
        assertThat((NavigableMap<?, ?>) map).hasToString("{a=2, b=1}");
        assertThatThrownBy(((NavigableSet<?>) set)::clear).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(((NavigableMap<?, ?>) map)::clear).isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void nothingElseIsTouched() {
        assertThat(codec.decode("[1,2]", int[].class)).isEqualTo(new int[] {1, 2});
        assertThat(codec.decode("[]", List.class)).isEqualTo(Collections.emptyList());
        assertThat(codec.decode("{\"x\":1,\"y\":2,\"z\":3}", Point.class)).isEqualTo(new Point(1, 2));
    }

    private AbstractThrowableAssert<?, ? extends Throwable> assertRefused(String text, Type type) {
        return assertThatThrownBy(() -> codec.decode(text, type))
                .isInstanceOf(IllegalArgumentException.class)
                .satisfies(JsonCodecTest::tellsNothing);
    }

    private static void tellsNothing(Throwable failure) {
        assertThat(failure).hasMessageNotContaining(SECRET).hasNoCause().hasNoSuppressedExceptions();
    }

    private static Type type(TypeRef<?> ref) {
        return ref.type();
    }
}
