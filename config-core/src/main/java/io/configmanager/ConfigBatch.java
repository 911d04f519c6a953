// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

/** Collects the writes of one atomic commit. The last write of a key wins; not safe for several threads. */
public interface ConfigBatch {

    ConfigBatch set(String key, Object value);

    /** As {@link #set(String, Object)}; author and comment of the options are ignored, the commit has its own. */
    ConfigBatch set(String key, Object value, WriteOptions options);

    ConfigBatch delete(String key);

    ConfigBatch delete(String key, Condition condition);
}
