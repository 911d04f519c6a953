// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.conditions.ArchPredicates.are;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.configmanager.engine.ConfigManagerBuilder;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

    private static final String ROOT = "io.configmanager";
    private static final DescribedPredicate<JavaClass> OURS = resideInAPackage(ROOT + "..");

    private static final JavaClasses MAIN = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages(ROOT);
    private static final JavaClasses ALL = new ClassFileImporter().importPackages(ROOT);

    @Test
    void theRootPackageDependsOnNothingOfOurs() {
        noClasses()
                .that()
                .resideInAPackage(ROOT)
                .should()
                .dependOnClassesThat(are(OURS).and(not(resideInAPackage(ROOT))))
                .check(MAIN);
    }

    @Test
    void storeCodecAndValueDependOnlyOnTheRoot() {
        for (String name : new String[] {"store", "codec", "value"}) {
            String own = ROOT + "." + name;
            noClasses()
                    .that()
                    .resideInAPackage(own)
                    .should()
                    .dependOnClassesThat(are(OURS).and(not(resideInAnyPackage(ROOT, own))))
                    .check(MAIN);
        }
    }

    @Test
    void nothingDependsOnTheEngine() {
        noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + ".engine")
                .should()
                .dependOnClassesThat()
                .resideInAPackage(ROOT + ".engine..")
                .check(MAIN);
    }

    @Test
    void onlyTheBuilderOfTheEngineIsPublic() {
        classes()
                .that()
                .resideInAPackage(ROOT + ".engine..")
                .and()
                .arePublic()
                .should()
                .haveNameMatching(Pattern.quote(ConfigManagerBuilder.class.getName()) + "(\\$.*)?")
                .check(MAIN);
    }

    @Test
    void nothingSleeps() {
        noClasses()
                .should()
                .callMethodWhere(DescribedPredicate.describe(
                        "sleeps",
                        call -> call.getName().equals("sleep")
                                && (call.getTargetOwner().isEquivalentTo(Thread.class)
                                        || call.getTargetOwner().isEquivalentTo(TimeUnit.class))))
                .check(ALL);
    }

    @Test
    void namesSayWhatAClassIs() {
        noClasses().should().haveNameMatching(".*(Utils?|Impl|Helper)(\\$.*)?").check(ALL);
    }

    @Test
    void thereIsNoStaticMutableState() {
        fields().that()
                .areStatic()
                .and()
                .doNotHaveModifier(JavaModifier.SYNTHETIC)
                .should()
                .beFinal()
                .check(ALL);
    }
}
