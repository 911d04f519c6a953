// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.context.annotation.Bean;

/** The rules of Spring Boot's own build for auto-configurations, and the direction of dependencies. */
@AnalyzeClasses(packages = "io.configmanager.spring", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    @ArchTest
    static final ArchRule autoConfigurationsArePublicAndFinal = classes()
            .that()
            .areAnnotatedWith(AutoConfiguration.class)
            .should()
            .bePublic()
            .andShould()
            .haveModifier(JavaModifier.FINAL);

    @ArchTest
    static final ArchRule autoConfigurationsHaveNoPublicMethods = methods()
            .that()
            .areDeclaredInClassesThat()
            .areAnnotatedWith(AutoConfiguration.class)
            .should()
            .notBePublic();

    @ArchTest
    static final ArchRule beanMethodsArePackagePrivate =
            methods().that().areAnnotatedWith(Bean.class).should().bePackagePrivate();

    @ArchTest
    static final ArchRule nothingElseInAutoconfigureIsPublic = classes()
            .that()
            .resideInAPackage("io.configmanager.spring.autoconfigure..")
            .and()
            .areTopLevelClasses()
            .and(DescribedPredicate.not(aConfiguration()))
            .should()
            .notBePublic();

    @ArchTest
    static final ArchRule whatApplicationsUseDoesNotKnowTheWiring = noClasses()
            .that()
            .resideInAPackage("io.configmanager.spring")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.configmanager.spring.autoconfigure..");

    @ArchTest
    static final ArchRule onlyThePostgresConfigurationKnowsPostgres = noClasses()
            .that()
            .haveSimpleNameNotStartingWith("Postgres")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.configmanager.store.postgres..");

    @ArchTest
    static final ArchRule onlyTheMongoConfigurationKnowsMongo = noClasses()
            .that()
            .haveNameNotMatching(".*\\.Mongo[^.]*")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.configmanager.store.mongo..", "com.mongodb..");

    @ArchTest
    static final ArchRule noCycles =
            slices().matching("io.configmanager.spring.(**)").should().beFreeOfCycles();

    private static DescribedPredicate<JavaClass> aConfiguration() {
        return DescribedPredicate.describe(
                "configurations",
                type -> type.isMetaAnnotatedWith("org.springframework.context.annotation.Configuration")
                        || type.isAnnotatedWith("org.springframework.context.annotation.Configuration"));
    }
}
