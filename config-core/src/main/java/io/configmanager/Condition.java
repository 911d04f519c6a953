// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

/** What must hold for a write to be stored; otherwise the whole commit fails with {@link VersionConflictException}. */
public sealed interface Condition {

    /** Nothing: create or overwrite. */
    record Always() implements Condition {
        @Override
        public String toString() {
            return "any state";
        }
    }

    /** The key must not exist; an expired entry counts as absent. */
    record Absent() implements Condition {
        @Override
        public String toString() {
            return "the key to be absent";
        }
    }

    /** The key must exist. */
    record Present() implements Condition {
        @Override
        public String toString() {
            return "the key to exist";
        }
    }

    /** The key must exist with exactly this version. */
    record Version(long version) implements Condition {
        public Version {
            if (version < 1) {
                throw new InvalidConfigException("Invalid expected version " + version + ": versions start at 1");
            }
        }

        @Override
        public String toString() {
            return "version " + version;
        }
    }

    Condition ALWAYS = new Always();
    Condition ABSENT = new Absent();
    Condition PRESENT = new Present();

    /** The key must exist with exactly this version. */
    static Condition version(long version) {
        return new Version(version);
    }
}
