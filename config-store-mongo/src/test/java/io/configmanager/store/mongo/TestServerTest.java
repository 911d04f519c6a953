// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What the tests do not prove is said. */
class TestServerTest {

    @Test
    void theClosingLinesNameWhatIsNotProved() {
        assertThat(TestServer.unproved(false)).contains(TestServer.NEVER_PROVED);
        assertThat(TestServer.unproved(false)).contains(TestServer.PROVED_BY_A_REAL_SERVER);
        assertThat(TestServer.unproved(true)).contains(TestServer.NEVER_PROVED);
        assertThat(TestServer.unproved(true)).doesNotContain(TestServer.PROVED_BY_A_REAL_SERVER);
    }

    @Test
    void theGuaranteesSayTheSame() throws IOException {
        String guarantees = Files.readString(Path.of("../docs/guarantees.md"));
        assertThat(guarantees.replaceAll("\\s+", " "))
                .contains(TestServer.NEVER_PROVED)
                .contains(TestServer.PROVED_BY_A_REAL_SERVER);
    }
}
