// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.configmanager.TypeRef;
import io.configmanager.ValueType;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.Period;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.boot.convert.ApplicationConversionService;
import org.springframework.util.unit.DataSize;
import tools.jackson.databind.json.JsonMapper;

class ConvertingJsonCodecTest {

    private final ConvertingJsonCodec codec = new ConvertingJsonCodec(
            () -> JsonMapper.builder().build(), List.of(ApplicationConversionService.getSharedInstance()));

    enum Color {
        RED,
        DARK_GREEN
    }

    record Limits(int requests, Duration per, DataSize most, Color color, List<String> hosts) {}

    static Stream<Arguments> readable() {
        return Stream.of(
                Arguments.of("\"x\"", String.class, "x"),
                Arguments.of("5", String.class, "5"),
                Arguments.of("true", String.class, "true"),
                Arguments.of("{\"a\":1}", String.class, "{\"a\":1}"),
                Arguments.of("5", int.class, 5),
                Arguments.of("5.0", int.class, 5),
                Arguments.of("\"5\"", Integer.class, 5),
                Arguments.of("9223372036854775807", long.class, Long.MAX_VALUE),
                Arguments.of("1.5", double.class, 1.5),
                Arguments.of("1.25", float.class, 1.25f),
                Arguments.of("1.50", BigDecimal.class, new BigDecimal("1.50")),
                Arguments.of("12345678901234567890", BigInteger.class, new BigInteger("12345678901234567890")),
                Arguments.of("true", boolean.class, true),
                Arguments.of("\"true\"", boolean.class, true),
                Arguments.of("\"off\"", Boolean.class, false),
                Arguments.of("\"c\"", char.class, 'c'),
                Arguments.of("\"5s\"", Duration.class, Duration.ofSeconds(5)),
                Arguments.of("\"PT5S\"", Duration.class, Duration.ofSeconds(5)),
                Arguments.of("250", Duration.class, Duration.ofMillis(250)),
                Arguments.of("\"10MB\"", DataSize.class, DataSize.ofMegabytes(10)),
                Arguments.of("1024", DataSize.class, DataSize.ofKilobytes(1)),
                Arguments.of("\"1y3m\"", Period.class, Period.of(1, 3, 0)),
                Arguments.of("\"red\"", Color.class, Color.RED),
                Arguments.of("\"dark-green\"", Color.class, Color.DARK_GREEN),
                Arguments.of("\"2026-11-21\"", LocalDate.class, LocalDate.of(2026, 11, 21)),
                Arguments.of("\"00000000-0000-0000-0000-000000000001\"", UUID.class, new UUID(0, 1)),
                Arguments.of("\"/tmp/x\"", Path.class, Path.of("/tmp/x")),
                Arguments.of("\"a,b\"", new TypeRef<List<String>>() {}.type(), List.of("a", "b")),
                Arguments.of("[\"a\",\"b\"]", new TypeRef<List<String>>() {}.type(), List.of("a", "b")),
                Arguments.of("[1,\"2\"]", new TypeRef<Set<Integer>>() {}.type(), Set.of(1, 2)),
                Arguments.of(
                        "[\"1s\",\"2m\"]",
                        new TypeRef<List<Duration>>() {}.type(),
                        List.of(Duration.ofSeconds(1), Duration.ofMinutes(2))),
                Arguments.of("7", new TypeRef<List<Integer>>() {}.type(), List.of(7)),
                Arguments.of("\"1,2\"", int[].class, new int[] {1, 2}),
                Arguments.of("[1,2]", int[].class, new int[] {1, 2}),
                Arguments.of("[\"1s\"]", Duration[].class, new Duration[] {Duration.ofSeconds(1)}),
                Arguments.of(
                        "{\"a\":\"1s\"}",
                        new TypeRef<Map<String, Duration>>() {}.type(),
                        Map.of("a", Duration.ofSeconds(1))),
                Arguments.of(
                        "{\"red\":[1]}",
                        new TypeRef<Map<Color, List<Integer>>>() {}.type(),
                        Map.of(Color.RED, List.of(1))),
                Arguments.of(
                        "{\"requests\":5,\"per\":\"10s\",\"most\":\"1KB\",\"color\":\"red\",\"hosts\":[\"a\"]}",
                        Limits.class,
                        new Limits(5, Duration.ofSeconds(10), DataSize.ofKilobytes(1), Color.RED, List.of("a"))),
                Arguments.of("{\"a\":[1,true]}", Object.class, Map.of("a", List.of(1, true))));
    }

    @ParameterizedTest(name = "{0} as {1}")
    @MethodSource("readable")
    void readsWhatSpringAndJacksonUnderstand(String text, Type type, Object expected) {
        assertThat(codec.decode(text, type)).isEqualTo(expected);
    }

    static Stream<Arguments> unreadable() {
        return Stream.of(
                Arguments.of("1.5", int.class, "expected int, found a decimal"),
                Arguments.of("3000000000", int.class, "expected int, found an integer"),
                Arguments.of("1e400", double.class, "expected double, found a decimal"),
                Arguments.of("1e999999999", BigInteger.class, "expected java.math.BigInteger, found a decimal"),
                Arguments.of("\"secret\"", int.class, "expected int, found a text"),
                Arguments.of("\"\"", int.class, "expected int, found a text"),
                Arguments.of("1", boolean.class, "expected boolean, found an integer"),
                Arguments.of("true", int.class, "expected int, found a boolean"),
                Arguments.of("\"secret\"", Duration.class, "expected java.time.Duration, found a text"),
                Arguments.of("1.5", Duration.class, "expected java.time.Duration, found a decimal"),
                Arguments.of("[1]", Duration.class, "expected java.time.Duration, found a list"),
                Arguments.of("\"secret\"", Color.class, "Color (one of RED, DARK_GREEN), found a text"),
                Arguments.of("0", Color.class, "found an integer"),
                Arguments.of("null", String.class, "expected java.lang.String, found null"),
                Arguments.of("[null]", new TypeRef<List<String>>() {}.type(), "found null"),
                Arguments.of(
                        "[\"secret\"]",
                        new TypeRef<List<Integer>>() {}.type(),
                        "expected java.lang.Integer, found a text"),
                Arguments.of("{}", new TypeRef<List<Integer>>() {}.type(), "found an object"),
                Arguments.of("\"secret\"", new TypeRef<Map<String, String>>() {}.type(), "found a text"),
                Arguments.of("{\"requests\":\"secret\"}", Limits.class, "(at requests), found an object"),
                Arguments.of("{\"per\":\"secret\"}", Limits.class, "(at per), found an object"),
                Arguments.of("\"secret\"", Limits.class, "found a text"),
                Arguments.of("{\"secret\"", Limits.class, "found text that is not JSON"),
                Arguments.of("1 secret", int.class, "found text that is not JSON"));
    }

    @ParameterizedTest(name = "{0} as {1}")
    @MethodSource("unreadable")
    void saysWhatWasExpectedAndFoundButNeverTheValue(String text, Type type, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> codec.decode(text, type))
                .withMessageContaining(message)
                .withNoCause()
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("secret"));
    }

    @Test
    void collectionsAreReadOnly() {
        @SuppressWarnings("unchecked")
        List<String> list = (List<String>) codec.decode("\"a,b\"", new TypeRef<List<String>>() {}.type());

        org.assertj.core.api.Assertions.assertThatThrownBy(() -> list.add("c"))
                .isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void declaredDefaultsAreTextOrJson() {
        assertThat(codec.parse("{not json", String.class)).isEqualTo("{not json");
        assertThat(codec.parse("5s", Duration.class)).isEqualTo(Duration.ofSeconds(5));
        assertThat(codec.parse("", new TypeRef<List<String>>() {}.type())).isEqualTo(List.of());
        assertThat(codec.parse("[\"a,b\"]", new TypeRef<List<String>>() {}.type()))
                .isEqualTo(List.of("a,b"));
        assertThat(codec.parse("{\"a\":1}", new TypeRef<Map<String, Integer>>() {}.type()))
                .isEqualTo(Map.of("a", 1));
    }

    @Test
    void writesWhatItReads() {
        Limits limits = new Limits(1, Duration.ofSeconds(90), DataSize.ofMegabytes(2), Color.RED, List.of());
        var encoded = codec.encode(limits);

        assertThat(encoded.type()).isEqualTo(ValueType.OBJECT);
        assertThat(codec.decode(encoded.text(), Limits.class)).isEqualTo(limits);
        assertThat(codec.decode(codec.encode(Duration.ofSeconds(5)).text(), Duration.class))
                .isEqualTo(Duration.ofSeconds(5));
        assertThat(codec.decode(codec.encode(DataSize.ofMegabytes(5)).text(), DataSize.class))
                .isEqualTo(DataSize.ofMegabytes(5));
    }
}
