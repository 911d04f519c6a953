// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import io.configmanager.spring.ConfigValueAutoConfiguration;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.MemoryConfigStore;
import io.configmanager.store.mongo.MongoConfigStore;
import io.configmanager.store.postgres.PostgresConfigStore;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.postgresql.ds.PGSimpleDataSource;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration;
import org.springframework.boot.mongodb.autoconfigure.MongoAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.jdbc.datasource.AbstractDataSource;
import org.springframework.jdbc.datasource.SimpleDriverDataSource;

/** No database is there in these tests: nothing here may need one. */
@ExtendWith(OutputCaptureExtension.class)
class StoreSelectionTest {

    private static final String NOBODY = "jdbc:postgresql://127.0.0.1:1/nobody";

    private static final String MONGO_NOBODY = "mongodb://127.0.0.1:1/nobody";

    private final ApplicationContextRunner withMongo = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    MongoAutoConfiguration.class,
                    MongoConfigStoreAutoConfiguration.class,
                    ConfigStoreAutoConfiguration.class,
                    ConfigValueAutoConfiguration.class))
            .withPropertyValues("spring.mongodb.uri=" + MONGO_NOBODY, "config.store.mongo.initialize-schema=never");
    private final ApplicationContextRunner runner = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    DataSourceAutoConfiguration.class,
                    PostgresConfigStoreAutoConfiguration.class,
                    ConfigStoreAutoConfiguration.class,
                    ConfigValueAutoConfiguration.class));

    private ApplicationContextRunner withoutDatabase() {
        return new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(
                        PostgresConfigStoreAutoConfiguration.class,
                        ConfigStoreAutoConfiguration.class,
                        ConfigValueAutoConfiguration.class));
    }

    @Test
    void aPostgresDataSourceIsTheStoreAlsoWhenTheServerIsAway() {
        runner.withPropertyValues("spring.datasource.url=" + NOBODY)
                .run(context -> assertThat(context).getBean(ConfigStore.class).isInstanceOf(PostgresConfigStore.class));
        runner.withBean(DataSource.class, () -> {
                    PGSimpleDataSource dataSource = new PGSimpleDataSource();
                    dataSource.setURL(NOBODY);
                    return dataSource;
                })
                .run(context -> assertThat(context).getBean(ConfigStore.class).isInstanceOf(PostgresConfigStore.class));
    }

    @Test
    void namesAndIntervalsComeFromProperties() {
        runner.withPropertyValues(
                        "spring.datasource.url=" + NOBODY,
                        "config.store.postgres.schema=settings",
                        "config.store.postgres.table-prefix=live_")
                .run(context -> assertThat(context.getBean(ConfigStore.class).description())
                        .contains("settings.live_entry"));
        runner.withPropertyValues("spring.datasource.url=" + NOBODY, "config.store.postgres.schema=Bad Name")
                .run(context -> assertThat(context.getStartupFailure()).hasStackTraceContaining("Invalid schema"));
    }

    @Test
    void anotherDatabaseIsNotTheStore(CapturedOutput output) {
        withoutDatabase()
                .withBean(
                        DataSource.class,
                        () -> new SimpleDriverDataSource(new org.postgresql.Driver(), "jdbc:h2:mem:x"))
                .run(context -> assertThat(context).getBean(ConfigStore.class).isInstanceOf(MemoryConfigStore.class));
        assertThat(output).containsOnlyOnce("kept in the memory of this process only");
    }

    @Test
    void aDataSourceThatTellsNothingAndIsAwayIsNotGuessed() {
        DataSource silent = new AbstractDataSource() {
            @Override
            public java.sql.Connection getConnection() throws java.sql.SQLException {
                throw new java.sql.SQLException("away");
            }

            @Override
            public java.sql.Connection getConnection(String username, String password) throws java.sql.SQLException {
                throw new java.sql.SQLException("away");
            }
        };
        withoutDatabase()
                .withBean(DataSource.class, () -> silent)
                .run(context -> assertThat(new StoreSelectionFailureAnalyzer().analyze(context.getStartupFailure()))
                        .satisfies(analysis ->
                                assertThat(analysis.getDescription()).contains("does not answer"))
                        .satisfies(
                                analysis -> assertThat(analysis.getAction()).contains("config.store.type=postgres")));
        withoutDatabase()
                .withBean(DataSource.class, () -> silent)
                .withPropertyValues("config.store.type=postgres")
                .run(context -> assertThat(context).getBean(ConfigStore.class).isInstanceOf(PostgresConfigStore.class));
    }

    @Test
    void withoutAnyDatabaseItIsMemoryWithAWarning(CapturedOutput output) {
        withoutDatabase()
                .run(context -> assertThat(context).getBean(ConfigStore.class).isInstanceOf(MemoryConfigStore.class));
        assertThat(output)
                .containsOnlyOnce("kept in the memory of this process only")
                .contains("spring-boot-starter-jdbc");
    }

    @Test
    void memoryCanBeChosenWithoutAWarning(CapturedOutput output) {
        runner.withPropertyValues("spring.datasource.url=" + NOBODY, "config.store.type=memory")
                .run(context -> assertThat(context)
                        .doesNotHaveBean(PostgresConfigSchemaInitializer.class)
                        .getBean(ConfigStore.class)
                        .isInstanceOf(MemoryConfigStore.class));
        assertThat(output).doesNotContain("kept in the memory");
    }

    @Test
    void theApplicationsStoreWins() {
        MemoryConfigStore own = new MemoryConfigStore();
        runner.withPropertyValues("spring.datasource.url=" + NOBODY)
                .withBean("own", ConfigStore.class, () -> own)
                .run(context -> assertThat(context)
                        .doesNotHaveBean(PostgresConfigSchemaInitializer.class)
                        .getBean(ConfigStore.class)
                        .isSameAs(own));
    }

    @Test
    void worksWithoutThePostgresModuleAndWithoutJdbc() {
        withoutDatabase()
                .withClassLoader(new FilteredClassLoader(PostgresConfigStore.class))
                .run(context -> assertThat(context).getBean(ConfigStore.class).isInstanceOf(MemoryConfigStore.class));
        withoutDatabase()
                .withClassLoader(new FilteredClassLoader(
                        "org.springframework.boot.jdbc", "org.springframework.boot.sql", "org.springframework.jdbc"))
                .run(context -> assertThat(context).getBean(ConfigStore.class).isInstanceOf(MemoryConfigStore.class));
    }

    @Test
    void aMongoClientIsTheStoreAlsoWhenTheServerIsAway() {
        withMongo.run(context -> assertThat(context).getBean(ConfigStore.class).isInstanceOf(MongoConfigStore.class));
    }

    @Test
    void theMongoDatabaseIsTheOneOfTheConnectionUnlessOneIsNamed() {
        withMongo.run(context ->
                assertThat(context.getBean(ConfigStore.class).description()).contains("nobody.config_entry"));
        withMongo
                .withPropertyValues(
                        "config.store.mongo.database=settings", "config.store.mongo.collection-prefix=live_")
                .run(context -> assertThat(context.getBean(ConfigStore.class).description())
                        .contains("settings.live_entry"));
        withMongo
                .withPropertyValues("config.store.mongo.database=Bad Name")
                .run(context -> assertThat(context.getStartupFailure()).hasStackTraceContaining("Invalid database"));
    }

    @Test
    void worksWithoutTheMongoModuleAndWithoutItsDriver() {
        withMongo
                .withClassLoader(new FilteredClassLoader(MongoConfigStore.class))
                .run(context -> assertThat(context).getBean(ConfigStore.class).isInstanceOf(MemoryConfigStore.class));
        runner.withConfiguration(AutoConfigurations.of(MongoConfigStoreAutoConfiguration.class))
                .withPropertyValues("spring.datasource.url=" + NOBODY)
                .withClassLoader(new FilteredClassLoader("org.springframework.boot.mongodb", "com.mongodb"))
                .run(context -> assertThat(context).getBean(ConfigStore.class).isInstanceOf(PostgresConfigStore.class));
    }

    @Test
    void twoStoresNeedAChoice() {
        ApplicationContextRunner both = withMongo
                .withConfiguration(AutoConfigurations.of(
                        DataSourceAutoConfiguration.class, PostgresConfigStoreAutoConfiguration.class))
                .withPropertyValues("spring.datasource.url=" + NOBODY);
        both.run(context -> {
            FailureAnalysis analysis = new StoreSelectionFailureAnalyzer().analyze(context.getStartupFailure());
            assertThat(analysis).isNotNull();
            assertThat(analysis.getDescription())
                    .contains("more than one store")
                    .contains("postgres: the DataSource")
                    .contains("mongo: the application has a MongoDB client");
            assertThat(analysis.getAction())
                    .contains("config.store.type=postgres")
                    .contains("config.store.type=mongo");
        });
        both.withPropertyValues("config.store.type=postgres")
                .run(context -> assertThat(context).getBean(ConfigStore.class).isInstanceOf(PostgresConfigStore.class));
        both.withPropertyValues("config.store.type=mongo")
                .run(context -> assertThat(context)
                        .doesNotHaveBean(PostgresConfigSchemaInitializer.class)
                        .getBean(ConfigStore.class)
                        .isInstanceOf(MongoConfigStore.class));
    }

    @Test
    void aChosenStoreThatIsNotThereSaysWhatToAdd() {
        withoutDatabase().withPropertyValues("config.store.type=postgres").run(context -> {
            FailureAnalysis analysis = new StoreSelectionFailureAnalyzer().analyze(context.getStartupFailure());
            assertThat(analysis).isNotNull();
            assertThat(analysis.getAction()).contains("config-store-postgres").contains("DataSource");
        });
        withoutDatabase().withPropertyValues("config.store.type=mongo").run(context -> {
            FailureAnalysis analysis = new StoreSelectionFailureAnalyzer().analyze(context.getStartupFailure());
            assertThat(analysis).isNotNull();
            assertThat(analysis.getAction()).contains("config-store-mongo");
        });
    }

    @Test
    void severalConnectionsWithoutAPrimaryOneAreNoReasonForMemory() {
        withoutDatabase()
                .withBean("one", DataSource.class, PGSimpleDataSource::new)
                .withBean("two", DataSource.class, PGSimpleDataSource::new)
                .run(context -> assertThat(new StoreSelectionFailureAnalyzer().analyze(context.getStartupFailure()))
                        .extracting(FailureAnalysis::getDescription)
                        .asString()
                        .contains("2 DataSources, and none"));
        new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(
                        MongoConfigStoreAutoConfiguration.class, ConfigStoreAutoConfiguration.class))
                .withBean("one", MongoClient.class, () -> MongoClients.create(MONGO_NOBODY))
                .withBean("two", MongoClient.class, () -> MongoClients.create(MONGO_NOBODY))
                .run(context -> assertThat(new StoreSelectionFailureAnalyzer().analyze(context.getStartupFailure()))
                        .extracting(FailureAnalysis::getDescription)
                        .asString()
                        .contains("2 MongoClients, and none"));
    }
}
