// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import static io.configmanager.store.postgres.PostgresWritesTest.commitOf;
import static io.configmanager.store.postgres.PostgresWritesTest.put;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.configmanager.InvalidConfigException;
import io.configmanager.StoreException;
import io.configmanager.store.Feed;
import io.configmanager.store.InstanceReport;
import io.configmanager.store.Position;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

/** Missing and old schemas and privileges (p23), and names. */
class PostgresSchemaTest {

    private final TestDatabase database = new TestDatabase(PostgresSchemaTest.class);
    private final PostgresSchema schema = new PostgresSchema(database.names);

    @AfterEach
    void close() {
        database.close();
    }

    private Position head() {
        return database.store().snapshot(Set.of(), 10).position();
    }

    private static void assertPermanent(ThrowingCallable call, String... parts) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        StoreException.class, e -> assertThat(e.isTransient()).isFalse())
                .hasMessageContainingAll(parts);
    }

    @Test
    void p23AMissingSchemaSaysWhatToDo() {
        PostgresConfigStore store = database.closeLater(PostgresConfigStore.builder(database.pool)
                .names(database.names.withTablePrefix("none_"))
                .build());
        String advice = "config.store.postgres.initialize-schema=always";

        assertPermanent(() -> store.get("", "k"), advice, "schema-postgresql.sql");
        assertPermanent(() -> store.commit(commitOf(put("k", "1"))), advice);
        assertPermanent(() -> store.snapshot(Set.of(""), 1), advice);
        assertPermanent(() -> store.openFeed(head()), advice);
        assertPermanent(store::maintain, advice);
    }

    @Test
    void p23AMissingPrivilegeIsNamed() {
        DataSource reader = role("reader");
        PostgresConfigStore store = database.closeLater(
                PostgresConfigStore.builder(reader).names(database.names).build());
        assertPermanent(() -> store.get("", "k"), "privilege", "GRANT");

        database.execute("GRANT USAGE ON SCHEMA " + database.names.schema() + " TO " + roleName("reader"));
        database.execute(
                "GRANT SELECT ON public.config_head, public.config_entry, public.config_log TO " + roleName("reader"));
        database.store().commit(commitOf(put("k", "1")));

        assertThat(store.get("", "k").entry()).isNotNull();
        try (Feed feed = store.openFeed(store.snapshot(Set.of(""), 10).position())) {
            assertThat(feed.poll(Duration.ofMillis(1)).changeSets()).isEmpty();
        }
        assertPermanent(() -> store.commit(commitOf(put("k", "1"))), "GRANT INSERT, UPDATE, DELETE");
        assertThatCode(store::maintain).as("left to others").doesNotThrowAnyException();
    }

    @Test
    void aWriterNeedsNoRightOnLogAndHead() {
        DataSource writer = role("writer");
        String name = roleName("writer");
        // As databases are hardened.
        for (String function : List.of("commit", "record", "before", "logged", "revision", "maintain")) {
            database.execute("REVOKE ALL ON FUNCTION public.config_" + function + " FROM PUBLIC");
        }
        database.execute("GRANT USAGE ON SCHEMA " + database.names.schema() + " TO " + name
                + "; GRANT SELECT ON public.config_head, public.config_entry, public.config_log TO " + name
                + "; GRANT INSERT, UPDATE, DELETE ON public.config_entry TO " + name
                + "; GRANT SELECT, INSERT, DELETE ON public.config_operation TO " + name
                + "; GRANT EXECUTE ON FUNCTION public.config_commit, public.config_record TO " + name
                + "; GRANT EXECUTE ON FUNCTION public.config_maintain TO " + name);
        PostgresConfigStore store = database.closeLater(
                PostgresConfigStore.builder(writer).names(database.names).build());

        assertThat(store.commit(commitOf(put("k", "1"))).revision()).isEqualTo(1);
        assertThat(store.commit(commitOf(put("k", "2"), put("l", "1"))).revision())
                .isEqualTo(2);
        store.maintain();
        assertThat(store.get("", "k").entry()).isNotNull();
    }

    /** Triggers have the owner's rights: a type that the writer made must not be taken for the one that they mean. */
    @Test
    void aWriterCannotMakeTheOwnerRunItsCode() throws SQLException {
        String name = roleName("intruder");
        DataSource intruder = role("intruder");
        database.execute("GRANT USAGE ON SCHEMA " + database.names.schema() + " TO " + name
                + "; GRANT SELECT, INSERT, UPDATE, DELETE ON public.config_entry TO " + name);
        try (Connection connection = intruder.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE TEMP TABLE ran (who text); GRANT ALL ON ran TO PUBLIC;"
                    + " CREATE FUNCTION pg_temp.run(text) RETURNS boolean LANGUAGE plpgsql AS"
                    + " $$ BEGIN INSERT INTO pg_temp.ran VALUES (current_user); RETURN true; END $$");
            for (String type : List.of("uuid", "timestamptz", "text")) {
                statement.execute("CREATE DOMAIN pg_temp." + type
                        + " AS pg_catalog.text CHECK (pg_temp.run(VALUE::pg_catalog.text))");
            }

            statement.execute(database.names.apply("INSERT INTO public.config_entry (key, value) VALUES ('k', '1');"
                    + " UPDATE public.config_entry SET value = '2'; DELETE FROM public.config_entry"));

            try (ResultSet row = statement.executeQuery("SELECT count(*) FROM ran")) {
                row.next();
                assertThat(row.getInt(1)).isZero();
            }
        }
        assertThat(database.number("SELECT count(*) FROM public.config_log")).isEqualTo(3);
    }

    @Test
    void aDatabaseWithoutUnicodeStoresWhatItsEncodingHas() {
        database.execute("DROP DATABASE IF EXISTS latin");
        database.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
        PGSimpleDataSource latin = TestDatabase.connections(TestDatabase.port());
        latin.setDatabaseName("latin");
        new PostgresSchema(PostgresNames.DEFAULT).initialize(latin);
        PostgresConfigStore store =
                database.closeLater(PostgresConfigStore.builder(latin).build());

        store.commit(commitOf(put("k", "\"\u00e9\"")));
        assertThat(Objects.requireNonNull(store.get("", "k").entry()).value()).isEqualTo("\"\u00e9\"");
        assertThatThrownBy(() -> store.commit(commitOf(put("k", "\"\u20ac\""))))
                .isInstanceOf(InvalidConfigException.class)
                .hasMessageContaining("encoding");
    }

    @Test
    void p23AnOlderSchemaIsRefusedByTheFeed() {
        Position head = head();
        database.execute("UPDATE public.config_head SET schema_version = 0");
        PostgresConfigStore store = database.store();

        assertPermanent(() -> store.openFeed(head), "version 0", "initialize-schema=always", "schema-postgresql.sql");
    }

    @Test
    void anOlderSchemaIsUpgraded() {
        database.store().commit(commitOf(put("k", "1")));
        database.execute("UPDATE public.config_head SET schema_version = 0;"
                + " DROP FUNCTION public.config_record(uuid, text[], text[], boolean)");

        schema.initialize(database.pool);

        assertThat(schema.verify(database.pool)).isEmpty();
        assertThat(database.store().commit(commitOf(put("k", "2"))).revision()).isEqualTo(2);
    }

    /** Version 2 has added the table of instances, version 3 has closed what let a writer act as the owner. */
    @Test
    void aSchemaOfTheFirstVersionIsUpgraded() {
        database.store().commit(commitOf(put("k", "1")));
        Position head = head();
        database.execute("UPDATE public.config_head SET schema_version = 1; DROP TABLE public.config_instance");
        assertPermanent(() -> schema.verify(database.pool), "version 1", "needs 3", "initialize-schema=always");
        assertPermanent(() -> database.store().fleet(), "initialize-schema=always");

        schema.initialize(database.pool);

        assertThat(schema.verify(database.pool)).isEmpty();
        assertThat(database.number("SELECT schema_version FROM public.config_head"))
                .isEqualTo(3);
        assertThat(database.store().fleet().instances()).isEmpty();
        assertThat(head()).as("history goes on").isEqualTo(head);
        assertThat(database.store().commit(commitOf(put("k", "2"))).revision()).isEqualTo(2);
    }

    @Test
    void rightsForTheFleetAreOneLine() {
        DataSource member = role("member");
        database.execute("GRANT USAGE ON SCHEMA " + database.names.schema() + " TO " + roleName("member")
                + "; GRANT SELECT ON public.config_head, public.config_entry, public.config_log TO "
                + roleName("member"));
        PostgresConfigStore store = database.closeLater(
                PostgresConfigStore.builder(member).names(database.names).build());
        InstanceReport report = new InstanceReport("i", 1, "i", head(), true, 0, Instant.EPOCH, Duration.ofMinutes(1));
        assertPermanent(() -> store.report(report), "GRANT SELECT, INSERT, UPDATE ON", "instance");

        database.execute("GRANT SELECT, INSERT, UPDATE ON public.config_instance TO " + roleName("member"));
        store.report(report);
        assertThat(store.fleet().instances()).hasSize(1);
    }

    @Test
    void aNewerSchemaIsAcceptedAndLeftAlone() {
        Position head = head();
        database.execute("UPDATE public.config_head SET schema_version = 1000000;"
                + " DROP TRIGGER config_entry_logged ON public.config_entry");

        schema.initialize(database.pool);

        assertThat(schema.verify(database.pool))
                .hasSize(2)
                .anySatisfy(problem -> assertThat(problem).contains("newer than the"))
                .anySatisfy(problem -> assertThat(problem).contains("config_entry_logged is missing"));
        assertThatCode(() -> database.store().openFeed(head).close()).doesNotThrowAnyException();
    }

    @Test
    void onlyTheOwnerCanUpgrade() {
        DataSource stranger = role("stranger");
        database.execute("UPDATE public.config_head SET schema_version = 0;"
                + " GRANT USAGE, CREATE ON SCHEMA " + database.names.schema() + " TO " + roleName("stranger")
                + "; GRANT SELECT ON public.config_head TO " + roleName("stranger"));

        assertPermanent(() -> schema.initialize(stranger), "owner", "schema-postgresql.sql");
    }

    @Test
    void wrongPasswordsAreNoReasonToTryAgain() {
        PGSimpleDataSource unknown = TestDatabase.connections(TestDatabase.port());
        unknown.setUser("nobody_knows");
        PostgresConfigStore store = database.closeLater(
                PostgresConfigStore.builder(unknown).names(database.names).build());

        assertPermanent(() -> store.get("", "k"), "user and password");
    }

    @Test
    void initializingAgainAndTogetherChangesNothing() throws Exception {
        database.store().commit(commitOf(put("k", "1")));
        PostgresSchema fresh = new PostgresSchema(database.names.withTablePrefix("fresh_"));
        List<CompletableFuture<Void>> starts = List.of(
                CompletableFuture.runAsync(() -> fresh.initialize(database.pool)),
                CompletableFuture.runAsync(() -> fresh.initialize(database.pool)),
                CompletableFuture.runAsync(() -> schema.initialize(database.pool)));
        for (CompletableFuture<Void> start : starts) {
            start.get(20, TimeUnit.SECONDS);
        }
        database.execute(new PostgresSchema(PostgresNames.DEFAULT).script());

        assertThat(schema.verify(database.pool)).isEmpty();
        assertThat(fresh.verify(database.pool)).isEmpty();
        assertThat(database.store().get("", "k").entry()).isNotNull();
        assertThat(database.query("SELECT channel FROM public.fresh_head"
                        .replace("public.fresh_", database.names.schema() + ".fresh_")))
                .isEqualTo(database.names.channel());
    }

    @Test
    void triggersThatDoNotFireAlwaysAreReported() {
        database.execute("ALTER TABLE public.config_entry ENABLE TRIGGER config_entry_before");
        database.execute("DROP TRIGGER config_entry_logged ON public.config_entry");

        assertThat(schema.verify(database.pool))
                .hasSize(2)
                .anySatisfy(problem -> assertThat(problem).contains("ENABLE ALWAYS TRIGGER config_entry_before"))
                .anySatisfy(problem -> assertThat(problem).contains("config_entry_logged is missing"));
        schema.initialize(database.pool);
        assertThat(schema.verify(database.pool)).hasSize(1);
    }

    @Test
    void namesAreUsedAndChecked() {
        PostgresNames names = new PostgresNames("order", "config_x_", "live");
        database.execute("DROP SCHEMA IF EXISTS \"order\" CASCADE");
        new PostgresSchema(names).initialize(database.pool);
        PostgresConfigStore store = database.closeLater(
                PostgresConfigStore.builder(database.pool).names(names).build());
        try (Follower follower = new Follower(store, "")) {
            follower.awaitRevision(store.commit(commitOf(put("k", "1"))).revision());
        }
        assertThat(database.query("SELECT channel FROM \"order\".\"config_x_head\""))
                .isEqualTo("live");
        assertThat(store.description()).contains("order.config_x_");

        for (String wrong : List.of("", "A", "a-b", "a\"b", "1a", "a".repeat(42))) {
            assertThatThrownBy(() -> names.withSchema(wrong)).isInstanceOf(InvalidConfigException.class);
            assertThatThrownBy(() -> names.withTablePrefix(wrong)).isInstanceOf(InvalidConfigException.class);
            assertThatThrownBy(() -> names.withChannel(wrong)).isInstanceOf(InvalidConfigException.class);
        }
    }

    private String roleName(String what) {
        return database.names.schema() + "_" + what;
    }

    private DataSource role(String what) {
        database.execute("DROP ROLE IF EXISTS " + roleName(what) + "; CREATE ROLE " + roleName(what) + " LOGIN");
        PGSimpleDataSource connections = TestDatabase.connections(TestDatabase.port());
        connections.setUser(roleName(what));
        return connections;
    }
}
