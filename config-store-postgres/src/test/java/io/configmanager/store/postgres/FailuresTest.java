// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import static org.assertj.core.api.Assertions.assertThat;

import io.configmanager.StoreException;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import org.junit.jupiter.api.Test;

class FailuresTest {

    /** A pool takes the state of whatever failed before, which may say nothing. */
    @Test
    void aPoolWithoutConnectionsIsTransientWhateverItsState() {
        assertThat(isTransient(new SQLTransientConnectionException("not available", "99999")))
                .isTrue();
        assertThat(isTransient(new SQLException("no such thing", "99999"))).isFalse();
        assertThat(isTransient(new SQLTransientConnectionException("wrong password", "28P01")))
                .isFalse();
    }

    private static boolean isTransient(SQLException failure) {
        return ((StoreException) Failures.translate("read", failure, PostgresNames.DEFAULT)).isTransient();
    }
}
