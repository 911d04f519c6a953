// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import jakarta.validation.ConstraintViolation;
import jakarta.validation.NoProviderFoundException;
import jakarta.validation.Validation;
import jakarta.validation.Validator;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.BeanFactory;

/** Bean Validation. Without its API this class does not load. Messages that would quote the value are replaced. */
final class BeanValidation {

    private final Validator validator;

    /** What is wrong with a property of a bean. */
    record Violation(String path, String constraint, String message) {}

    private BeanValidation(Validator validator) {
        this.validator = validator;
    }

    /** The application's validator, else the default one; null if there is none. */
    static @Nullable BeanValidation of(BeanFactory beanFactory) {
        Validator own = beanFactory.getBeanProvider(Validator.class).getIfUnique();
        try {
            return new BeanValidation(
                    own != null
                            ? own
                            : Validation.buildDefaultValidatorFactory().getValidator());
        } catch (NoProviderFoundException e) {
            return null;
        }
    }

    List<Violation> violations(Object bean) {
        List<Violation> all = new ArrayList<>();
        for (ConstraintViolation<Object> violation : validator.validate(bean)) {
            String constraint = "@"
                    + violation
                            .getConstraintDescriptor()
                            .getAnnotation()
                            .annotationType()
                            .getSimpleName();
            // An expression could show the value.
            String message =
                    violation.getMessageTemplate().contains("${") ? "violates " + constraint : violation.getMessage();
            all.add(new Violation(violation.getPropertyPath().toString(), constraint, message));
        }
        return all;
    }
}
