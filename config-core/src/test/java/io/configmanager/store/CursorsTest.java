// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.configmanager.InvalidConfigException;
import io.configmanager.Page;
import io.configmanager.store.Cursors.Kind;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;

class CursorsTest {

    @Test
    void aCursorIsReadAsWhatItWasWrittenFor() {
        assertThat(Cursors.read(Kind.ENTRIES, Cursors.write(Kind.ENTRIES, "a/b")))
                .isEqualTo("a/b");
        assertThat(Cursors.read(Kind.NAMESPACES, Cursors.write(Kind.NAMESPACES, "")))
                .isEmpty();
        assertThat(Cursors.readVersion(Cursors.write(Kind.HISTORY, "17"))).isEqualTo(17);
    }

    @Test
    void aCursorIsSafeInAnAddress() {
        assertThat(Cursors.write(Kind.ENTRIES, "~~~???>>>")).matches("[A-Za-z0-9_-]+");
    }

    @Test
    void anotherKindIsRefused() {
        assertInvalid(Kind.ENTRIES, Cursors.write(Kind.NAMESPACES, "a"));
        assertInvalid(Kind.NAMESPACES, Cursors.write(Kind.ENTRIES, "a"));
        assertInvalid(Kind.HISTORY, Cursors.write(Kind.ENTRIES, "1"));
    }

    @Test
    void garbageIsRefused() {
        for (String cursor : List.of("", "a", "abc", "????", "Zm9v", encode(2, 'e', "k"), encode(1, 'x', "k"))) {
            assertInvalid(Kind.ENTRIES, cursor);
        }
        assertInvalid(Kind.ENTRIES, encode(1, 'e', "not a key"));
        assertInvalid(Kind.ENTRIES, encode(1, 'e', ""));
        assertInvalid(Kind.NAMESPACES, encode(1, 'n', "/"));
        assertInvalid(Kind.HISTORY, encode(1, 'h', "seven"));
        assertInvalid(Kind.HISTORY, encode(1, 'h', "99999999999999999999"));
        assertThat(Cursors.read(Kind.ENTRIES, encode(1, 'e', "k"))).isEqualTo("k");
    }

    @Test
    void anExtraRowMeansThatThereIsMore() {
        assertThat(Cursors.page(Kind.ENTRIES, List.of("a", "b"), 2, key -> key))
                .isEqualTo(new Page<>(List.of("a", "b"), ""));
        assertThat(Cursors.page(Kind.ENTRIES, List.of("a", "b", "c"), 2, key -> key))
                .isEqualTo(new Page<>(List.of("a", "b"), Cursors.write(Kind.ENTRIES, "b")));
    }

    @Test
    void limitsAreOneToAThousand() {
        assertThat(Cursors.requireLimit(1)).isEqualTo(1);
        assertThat(Cursors.requireLimit(1000)).isEqualTo(1000);
        assertThatThrownBy(() -> Cursors.requireLimit(0)).isInstanceOf(InvalidConfigException.class);
        assertThatThrownBy(() -> Cursors.requireLimit(1001)).isInstanceOf(InvalidConfigException.class);
    }

    private static void assertInvalid(Kind kind, String cursor) {
        assertThatThrownBy(() -> Cursors.read(kind, cursor))
                .as("'%s'", cursor)
                .isInstanceOf(InvalidConfigException.class)
                .hasMessageContaining("cursor");
    }

    private static String encode(int format, char kind, String last) {
        byte[] payload = ("  " + last).getBytes(StandardCharsets.UTF_8);
        payload[0] = (byte) format;
        payload[1] = (byte) kind;
        return Base64.getUrlEncoder().withoutPadding().encodeToString(payload);
    }
}
