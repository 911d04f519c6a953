// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** The search itself: that it is at work in this run, and that it can fail. */
class PlantedSecretsTest {

    @Test
    void whatIsPrintedOrLoggedIsFound() {
        System.out.println("the password is " + PlantedSecrets.SECRET + " today");
        System.err.print("or\nwas " + PlantedSecrets.SECRET + "\n");
        LoggerFactory.getLogger(PlantedSecretsTest.class).error("set to {}", PlantedSecrets.SECRET);
        IllegalStateException refusal = new IllegalStateException("refuses aHVudGVyMg==");
        refusal.setStackTrace(new StackTraceElement[0]);
        LoggerFactory.getLogger(PlantedSecretsTest.class).error("failed", refusal);
        System.out.println("nothing here");

        assertThat(PlantedSecrets.takeLeaks())
                .hasSize(4)
                .contains("the password is <<planted secret>> today", "was <<planted secret>>")
                .anyMatch(line -> line.endsWith("set to <<planted secret>>"))
                .anyMatch(line -> line.endsWith("refuses <<planted secret>>=="));
        assertThat(PlantedSecrets.takeLeaks()).isEmpty();
    }

    @Test
    void aClassThatPrintsOneFails() {
        PlantedSecrets.requireNone("quiet");
        System.out.println(PlantedSecrets.SECRET);
        assertThatThrownBy(() -> PlantedSecrets.requireNone("loud"))
                .isInstanceOf(AssertionError.class)
                .hasMessage("loud printed a planted secret: <<planted secret>>");
    }
}
