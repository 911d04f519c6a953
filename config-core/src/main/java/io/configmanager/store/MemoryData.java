// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.ConfigEntry;
import io.configmanager.FleetInstance;
import io.configmanager.FleetStatus;
import io.configmanager.LogEntry;
import io.configmanager.LogEntry.Kind;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** What the handles of a memory store share. Everything is guarded by the one lock. */
final class MemoryData {

    private static final int MAX_EXPIRED_AT_ONCE = 500;
    private static final int REMEMBERED_COMMITS = 10_000;

    final ReentrantLock lock = new ReentrantLock();
    final java.util.concurrent.locks.Condition changed = lock.newCondition();
    final Set<MemoryFeed> feeds = new LinkedHashSet<>();

    /** The log of each key, oldest first; its newest line is the key's state. Never empty, so versions go on. */
    final NavigableMap<String, NavigableMap<String, Deque<LogEntry>>> keys = new TreeMap<>();

    private final NavigableMap<Long, Revision> revisions = new TreeMap<>();
    private final Map<UUID, CommitResult> commits = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<UUID, CommitResult> eldest) {
            return size() > REMEMBERED_COMMITS;
        }
    };
    private final Map<String, Reported> reports = new TreeMap<>();
    private final InstantSource clock;
    private final int retainedRevisions;
    private UUID lineage = UUID.randomUUID();

    MemoryData(InstantSource clock, int retainedRevisions) {
        this.clock = clock;
        this.retainedRevisions = retainedRevisions;
        revisions.put(0L, new Revision(UUID.randomUUID(), new ChangeSet(0, now(), List.of())));
    }

    /** One revision; its random id tells it from a revision of the same number in another history. */
    private record Revision(UUID id, ChangeSet changeSet) {}

    private record Reported(InstanceReport report, Instant at) {

        boolean expiredBy(Instant now) {
            return Changes.isExpired(at.plus(report.expiry()), now);
        }
    }

    void guarded(Runnable action) {
        lock.lock();
        try {
            action.run();
        } finally {
            lock.unlock();
        }
    }

    Instant now() {
        return clock.instant();
    }

    long head() {
        return revisions.lastKey();
    }

    Position headPosition() {
        return new Position(head(), token(revisions.lastEntry().getValue()));
    }

    /** The log of each key of a namespace; not to be changed. */
    NavigableMap<String, Deque<LogEntry>> namespace(String namespace) {
        return keys.getOrDefault(namespace, Collections.emptyNavigableMap());
    }

    @Nullable
    ConfigEntry live(String namespace, String key, Instant now) {
        Deque<LogEntry> lines = namespace(namespace).get(key);
        return lines == null ? null : live(lines, now);
    }

    /** The entry that the key has by this time; null if there is none. */
    static @Nullable ConfigEntry live(Deque<LogEntry> lines, Instant now) {
        ConfigEntry entry = lines.getLast().entry();
        return entry == null || Changes.isExpired(entry.expiresAt(), now) ? null : entry;
    }

    CommitResult commit(Commit commit) {
        CommitResult earlier = commits.get(commit.id());
        if (earlier != null) {
            return earlier;
        }
        Instant now = now();
        Changes revision = new Changes(head() + 1, now, ChronoUnit.NANOS, commit.author(), commit.comment());
        List<LogEntry> changes = new ArrayList<>();
        for (Operation operation : commit.operations()) {
            String namespace = operation.namespace();
            String key = operation.key();
            LogEntry change = revision.of(operation, live(namespace, key, now), nextVersion(namespace, key));
            if (change != null) {
                changes.add(change);
            }
        }
        CommitResult result = new CommitResult(append(changes, now), changes, now);
        if (!changes.isEmpty()) {
            commits.put(commit.id(), result);
        }
        return result;
    }

    void expire() {
        Instant now = now();
        Changes revision = new Changes(head() + 1, now, ChronoUnit.NANOS, null, null);
        List<LogEntry> changes = keys.values().stream()
                .flatMap(namespace -> namespace.values().stream())
                .map(lines -> lines.getLast().entry())
                .filter(entry -> entry != null && Changes.isExpired(entry.expiresAt(), now))
                .limit(MAX_EXPIRED_AT_ONCE)
                .map(entry -> revision.removal(
                        Kind.EXPIRE, entry.namespace(), entry.key(), nextVersion(entry.namespace(), entry.key())))
                .toList();
        append(changes, now);
    }

    /** Forgets what is older than the retention. */
    void compact() {
        compact(retainedRevisions);
    }

    /** Forgets all but the newest revisions, whose oldest stays as the first position that can be continued. */
    void compact(int retained) {
        while (revisions.size() > Math.max(1, retained)) {
            ChangeSet forgotten = revisions.pollFirstEntry().getValue().changeSet();
            for (LogEntry change : forgotten.changes()) {
                Deque<LogEntry> lines = lines(change.namespace(), change.key());
                while (lines.size() > 1 && lines.getFirst().revision() <= forgotten.revision()) {
                    lines.removeFirst();
                }
            }
        }
    }

    void report(InstanceReport report) {
        Instant now = now();
        reports.values().removeIf(each -> each.expiredBy(now));
        reports.merge(
                report.id(),
                new Reported(report, now),
                (known, next) -> known.report().number() < report.number() ? next : known);
    }

    FleetStatus fleet() {
        Instant now = now();
        List<FleetInstance> instances = reports.values().stream()
                .filter(each -> !each.expiredBy(now))
                .map(each -> instance(each.report(), Duration.between(each.at(), now)))
                .sorted(Comparator.comparing(FleetInstance::name).thenComparing(FleetInstance::id))
                .toList();
        return new FleetStatus(lineage.toString(), head(), instances);
    }

    private FleetInstance instance(InstanceReport report, Duration age) {
        Position applied = report.applied();
        Revision revision = revisions.get(applied.revision());
        return new FleetInstance(
                report.id(),
                report.name(),
                applied.token().substring(0, applied.token().indexOf(':')),
                applied.revision(),
                revision != null && applied.token().equals(token(revision)),
                report.live(),
                report.rejected(),
                report.startedAt(),
                age);
    }

    void replaceLineage() {
        lineage = UUID.randomUUID();
        changed.signalAll();
    }

    boolean isHead(Position position) {
        return position.equals(headPosition());
    }

    /** Throws unless this history contains the position and everything after it. */
    void prove(Position position) {
        if (!position.token().startsWith(lineage.toString())) {
            throw new PositionLostException(
                    PositionLostException.Reason.HISTORY_REPLACED, "The position is from another history");
        }
        if (position.revision() < revisions.firstKey()) {
            throw new PositionLostException(
                    PositionLostException.Reason.COMPACTED,
                    "Revision " + position.revision() + " is older than the history, which starts at "
                            + revisions.firstKey());
        }
        Revision revision = revisions.get(position.revision());
        if (revision == null || !position.token().equals(token(revision))) {
            throw new PositionLostException(
                    PositionLostException.Reason.HISTORY_REPLACED,
                    "This history has no such revision " + position.revision() + "; it ends at " + head());
        }
    }

    List<ChangeSet> after(Position position) {
        return revisions.tailMap(position.revision(), false).values().stream()
                .map(Revision::changeSet)
                .toList();
    }

    /** Lines of a namespace before a place and not before a time, newest first, at most {@code limit} of them. */
    List<Cursors.Placed> changes(String namespace, Instant since, Cursors.Place before, int limit) {
        List<Cursors.Placed> found = new ArrayList<>();
        for (Revision revision :
                revisions.headMap(before.revision(), true).descendingMap().values()) {
            ChangeSet changeSet = revision.changeSet();
            if (changeSet.committedAt().isBefore(since)) {
                break;
            }
            List<LogEntry> lines = changeSet.changes();
            for (int i = lines.size() - 1; i >= 0 && found.size() < limit; i--) {
                LogEntry line = lines.get(i);
                if (line.namespace().equals(namespace)
                        && (line.revision() < before.revision() || i < before.number())) {
                    found.add(new Cursors.Placed(line, i));
                }
            }
        }
        return found;
    }

    private String token(Revision revision) {
        return lineage + ":" + revision.id();
    }

    /** Stores the changes as one revision and returns it; 0 if there are none. */
    private long append(List<LogEntry> changes, Instant now) {
        if (changes.isEmpty()) {
            return 0;
        }
        long revision = head() + 1;
        for (LogEntry change : changes) {
            lines(change.namespace(), change.key()).addLast(change);
        }
        revisions.put(revision, new Revision(UUID.randomUUID(), new ChangeSet(revision, now, List.copyOf(changes))));
        changed.signalAll();
        return revision;
    }

    private Deque<LogEntry> lines(String namespace, String key) {
        return keys.computeIfAbsent(namespace, name -> new TreeMap<>())
                .computeIfAbsent(key, name -> new ArrayDeque<>(1));
    }

    private long nextVersion(String namespace, String key) {
        Deque<LogEntry> lines = namespace(namespace).get(key);
        return lines == null ? 1 : lines.getLast().version() + 1;
    }
}
