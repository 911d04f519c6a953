// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import org.jspecify.annotations.Nullable;

/** The value behind a {@link Live}: written by its binding, read by anybody. */
final class LiveValue implements Live<@Nullable Object> {

    private volatile @Nullable Object value;

    /** As nullable as the demand says, which NullAway cannot know. */
    @Override
    @SuppressWarnings("NullAway")
    public @Nullable Object get() {
        return value;
    }

    void set(@Nullable Object newValue) {
        value = newValue;
    }

    @Override
    public String toString() {
        return "Live";
    }
}
