// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

/** Something that goes on until it is closed. Closing is idempotent, safe from any thread, and does not throw. */
public interface Subscription extends AutoCloseable {

    @Override
    void close();
}
