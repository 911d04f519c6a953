// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigEntry;
import io.configmanager.LogEntry;
import io.configmanager.ValueType;
import io.configmanager.store.ChangeSet;
import io.configmanager.store.Position;
import io.configmanager.store.Snapshot;
import java.util.List;
import java.util.Set;

/** What a store answers, in short. The version of an entry is its revision unless a test says otherwise. */
final class Rows {

    private Rows() {}

    static ConfigEntry entry(String namespace, String key, String value, long revision) {
        return new ConfigEntry(
                namespace,
                key,
                value,
                "json",
                ValueType.INTEGER,
                revision,
                revision,
                FakeTime.START,
                FakeTime.START,
                null,
                null);
    }

    static ConfigEntry entry(String key, String value, long revision) {
        return entry("", key, value, revision);
    }

    static LogEntry put(ConfigEntry entry) {
        return new LogEntry(
                LogEntry.Kind.PUT,
                entry.namespace(),
                entry.key(),
                entry.version(),
                entry.revision(),
                FakeTime.START,
                null,
                null,
                entry);
    }

    static LogEntry put(String key, String value, long revision) {
        return put(entry(key, value, revision));
    }

    static LogEntry delete(String key, long revision) {
        return delete("", key, revision);
    }

    static LogEntry delete(String namespace, String key, long revision) {
        return new LogEntry(LogEntry.Kind.DELETE, namespace, key, revision, revision, FakeTime.START, null, null, null);
    }

    static ChangeSet changeSet(long revision, LogEntry... changes) {
        return new ChangeSet(revision, FakeTime.START, List.of(changes));
    }

    static Position position(long revision) {
        return new Position(revision, "at " + revision);
    }

    static Snapshot snapshot(long revision, ConfigEntry... entries) {
        return new Snapshot(List.of(entries), Set.of(), position(revision), FakeTime.START);
    }

    /** A snapshot in which the default namespace does not fit. */
    static Snapshot oversized(long revision) {
        return new Snapshot(List.of(), Set.of(""), position(revision), FakeTime.START);
    }
}
