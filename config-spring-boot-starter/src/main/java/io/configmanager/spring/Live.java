// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A value that follows its key: inject it with {@link ConfigValue} where the value itself could not follow, such as a
 * constructor parameter. Reading it costs as much as reading a field. Safe for any thread.
 */
public interface Live<T extends @Nullable Object> extends Supplier<T> {

    /** The newest value; null only where the key is not required and there is neither value nor default. */
    @Override
    T get();
}
