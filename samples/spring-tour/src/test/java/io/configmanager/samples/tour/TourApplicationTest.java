// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.tour;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.springframework.boot.SpringApplication;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.JdbcTemplate;

/** Every form follows what plain SQL does, on a real PostgreSQL. */
class TourApplicationTest {

    private static final Duration LONG = Duration.ofSeconds(30);

    private static EmbeddedPostgres postgres;
    private static ConfigurableApplicationContext application;
    private static JdbcTemplate sql;

    @BeforeAll
    static void start() throws IOException {
        postgres = EmbeddedPostgres.start();
        application = SpringApplication.run(
                TourApplication.class, "--spring.datasource.url=" + postgres.getJdbcUrl("postgres", "postgres"));
        sql = new JdbcTemplate(postgres.getPostgresDatabase());
    }

    @AfterAll
    static void stop() throws IOException {
        application.close();
        postgres.close();
    }

    @TestFactory
    List<DynamicTest> everyFormFollows() {
        Map<String, Form> forms = application.getBeansOfType(Form.class);
        assertThat(forms).hasSizeGreaterThan(22);
        return forms.entrySet().stream()
                .map(form -> DynamicTest.dynamicTest(form.getKey(), () -> follows(form.getValue())))
                .toList();
    }

    private static void follows(Form form) {
        becomes(form, Form.DEFAULT);
        sql.update(
                "INSERT INTO config_entry (key, value) VALUES (?, ?)",
                form.key(),
                form.json().apply("one"));
        becomes(form, "one");
        sql.update(
                "UPDATE config_entry SET value = ? WHERE key = ?", form.json().apply("two"), form.key());
        becomes(form, "two");
        sql.update("DELETE FROM config_entry WHERE key = ?", form.key());
        becomes(form, Form.DEFAULT);
    }

    private static void becomes(Form form, String text) {
        await(form.key())
                .atMost(LONG)
                .untilAsserted(() -> assertThat(form.now().get()).isEqualTo(text));
    }

    @Test
    void configurationCommitsWithTheBusiness() {
        Shops shops = application.getBean(Shops.class);
        shops.open("berlin");
        await().atMost(LONG).until(() -> shops.isOpen("berlin"));

        sql.update("INSERT INTO shop VALUES ('paris')");
        assertThatThrownBy(() -> shops.open("paris")).isInstanceOf(DuplicateKeyException.class);
        assertThat(shops.isOpen("paris")).isFalse();
        assertThat(sql.queryForList("SELECT key FROM config_entry WHERE key LIKE 'shops/%'", String.class))
                .containsExactly("shops/berlin/open");
    }
}
