// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigValueException;
import io.configmanager.InvalidConfigException;
import io.configmanager.ValueType;
import io.configmanager.codec.Codec;
import io.configmanager.codec.JsonCodec;
import java.lang.reflect.Type;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CodecsTest {

    private final Codecs codecs = new Codecs(new JsonCodec(), List.of(new Upper("upper")), 100);

    /** Cannot be written while it is closed. */
    record Vault(boolean open) {

        public String getPassword() {
            if (open) {
                return "hunter2";
            }
            throw new IllegalStateException("hunter2");
        }
    }

    /** Writes text as it is and reads it in capitals. */
    private record Upper(String name) implements Codec {

        @Override
        public Encoded encode(Object value) {
            return new Encoded(value.toString(), ValueType.STRING);
        }

        @Override
        public Object decode(String text, Type type) {
            return text.toUpperCase(java.util.Locale.ROOT);
        }

        @Override
        public void check(String text) {}
    }

    @Test
    void jsonIsReadWhateverTheDefaultCodecIs() {
        Codecs without = new Codecs(new Upper("upper"), List.of(), 100);
        assertThat(new Slot(entry("\"text\"", "json"), 1, null).value(String.class, without))
                .isEqualTo("text");
    }

    @Test
    void aValueIsReadByTheCodecThatItNames() {
        assertThat(new Slot(entry("text", "upper"), 1, null).value(String.class, codecs))
                .isEqualTo("TEXT");
        assertThat(new Slot(entry("\"text\"", "json"), 1, null).value(String.class, codecs))
                .isEqualTo("text");
    }

    @Test
    void theWriterWinsOverAnotherOfItsName() {
        Codecs own = new Codecs(new Upper("json"), List.of(new JsonCodec()), 100);

        assertThat(own.named("json")).isInstanceOf(Upper.class);
    }

    @Test
    void anUnknownCodecIsADefectThatNamesTheKnownOnes() {
        assertThat(codecs.defect(entry("1", "xml"))).isEqualTo("unknown codec 'xml'; known are [json, upper]");
        assertThatThrownBy(() -> new Slot(entry("1", "xml"), 1, null).value(String.class, codecs))
                .isInstanceOf(ConfigValueException.class)
                .hasMessageContaining("unknown codec 'xml'")
                .hasMessageContaining("'k'");
    }

    @Test
    void aDefectNeverQuotesTheValue() {
        assertThat(codecs.defect(entry("{hunter2", "json")))
                .startsWith("text that is not JSON")
                .doesNotContain("hunter2");
        assertThat(codecs.defect(entry("{}", "json"))).isNull();
    }

    @Test
    void anUnreadableValueNamesTheKeyAndNothingOfItself() {
        assertThatThrownBy(() -> new Slot(entry("\"hunter2\"", "json"), 1, null).value(Integer.class, codecs))
                .isInstanceOf(ConfigValueException.class)
                .hasMessageContaining("'k'")
                .hasMessageNotContaining("hunter2")
                .hasNoCause();
    }

    @Test
    void aDecodedValueIsRememberedForTheTypeAskedForLast() {
        Slot slot = new Slot(entry("[1]", "json"), 1, null);

        Object list = slot.value(List.class, codecs);

        assertThat(slot.value(List.class, codecs)).isSameAs(list);
        assertThat(slot.value(String.class, codecs)).isEqualTo("[1]");
        assertThat(slot.value(List.class, codecs)).isEqualTo(list).isNotSameAs(list);
    }

    @Test
    void nullIsRefused() {
        assertThatThrownBy(() -> codecs.encode("ns", "k", null))
                .isInstanceOf(InvalidConfigException.class)
                .hasMessageContaining("'k'")
                .hasMessageContaining("'ns'")
                .hasMessageContaining("null is not a value");
    }

    @Test
    void whatCannotBeEncodedIsTheCallersFault() {
        assertThatThrownBy(() -> codecs.encode("", "k", new Vault(false)))
                .isInstanceOf(InvalidConfigException.class)
                .hasMessageNotContaining("hunter2")
                .hasNoCause();
    }

    /** Characters of one, two, three and four bytes. */
    @ParameterizedTest
    @ValueSource(strings = {"a", "\u00e9", "\u20ac", "\ud83d\ude00"})
    void theLimitCountsBytesExactly(String character) {
        int bytes = character.getBytes(java.nio.charset.StandardCharsets.UTF_8).length;
        for (int limit = 2; limit <= 40; limit++) {
            Codecs limited = new Codecs(new JsonCodec(), List.of(), limit);
            int fitting = (limit - 2) / bytes;

            assertThatCode(() -> limited.encode("", "k", character.repeat(fitting)))
                    .doesNotThrowAnyException();
            assertThatThrownBy(() -> limited.encode("", "k", character.repeat(fitting + 1)))
                    .isInstanceOf(InvalidConfigException.class)
                    .hasMessageContaining("limit of " + limit + " bytes")
                    .hasMessageNotContaining(character + character);
        }
    }

    private static ConfigEntry entry(String value, String codec) {
        return new ConfigEntry(
                "", "k", value, codec, ValueType.STRING, 1, 1, FakeTime.START, FakeTime.START, null, null);
    }
}
