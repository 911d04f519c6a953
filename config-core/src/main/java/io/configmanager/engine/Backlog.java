// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.KeyState;
import io.configmanager.value.Signal;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What one watcher has not taken yet: for each key the newest state only, in the order in which the keys came up, so that
 * it never holds more than there are keys. Remembers what was taken, and from that keeps three promises: equal content is
 * not handed out twice in a row, nothing is deleted that was not handed out before, and every deletion is.
 */
final class Backlog implements Subscriber {

    private final ConfigFilter filter;
    private final Signal signal = new Signal();
    private final LongSupplier nanoTime;
    private final boolean pushed;
    private final boolean tellsFailures;
    private final Reader reader;
    private final Map<String, Pending> pending = new LinkedHashMap<>();
    private final Map<String, ConfigEntry> taken = new HashMap<>();

    /** Keys named by the filter whose first state was not taken yet, so that it is news also if there is none. */
    private final Set<String> owed = new HashSet<>();

    private long startEpoch;
    private long startRevision = -1;
    private @Nullable Throwable failure;
    private long failureSince;
    private boolean failureTaken;
    private boolean recovered;
    private long recoveredSince;
    private volatile @Nullable String closed;
    private @Nullable News last;
    private @Nullable ConfigEntry takenBeforeLast;
    private long lastSince;
    private boolean owedBeforeLast;

    private record Pending(
            @Nullable ConfigEntry entry, long epoch, long revision, int collapsed, boolean first, long since) {

        boolean isNewerThan(long otherEpoch, long otherRevision) {
            return epoch > otherEpoch || (epoch == otherEpoch && revision > otherRevision);
        }
    }

    /** Reads what there is now. */
    @FunctionalInterface
    interface Reader {
        void readInto(Backlog backlog);
    }

    /** One thing to tell. */
    sealed interface News {}

    /** The newest state of a key. */
    record Change(
            String key,
            KeyState.Kind kind,
            @Nullable ConfigEntry entry,
            long epoch,
            long revision,
            int collapsed,
            boolean first)
            implements News {}

    /** The watch has failed. */
    record Failed(Throwable failure) implements News {}

    /** The watch has recovered from this failure. */
    record Recovered(Throwable failure) implements News {}

    /**
     * @param pushed whether somebody takes what comes as soon as possible, so that what waits is late
     * @param tellsFailures whether failure and recovery of the watch are news too
     * @param reader is asked to call {@link #restart} when changes could not be offered one by one
     */
    Backlog(ConfigFilter filter, boolean pushed, boolean tellsFailures, LongSupplier nanoTime, Reader reader) {
        this.filter = filter;
        this.pushed = pushed;
        this.tellsFailures = tellsFailures;
        this.nanoTime = nanoTime;
        this.reader = reader;
    }

    /** Given when there may be something to {@link #poll}. */
    Signal signal() {
        return signal;
    }

    @Override
    public ConfigFilter filter() {
        return filter;
    }

    /**
     * What is there now. Called once, after the dispatcher knows this, so that nothing falls between; what it has told
     * already counts if it is newer.
     *
     * @param entries those that the filter means
     * @param revision they are the truth up to here at least; older changes are no news
     */
    synchronized void start(Collection<ConfigEntry> entries, long epoch, long revision) {
        if (closed != null) {
            return;
        }
        long now = nanoTime.getAsLong();
        Map<String, Pending> told = new LinkedHashMap<>(pending);
        pending.clear();
        startEpoch = epoch;
        startRevision = revision;
        if (filter instanceof ConfigFilter.Keys named) {
            for (String key : named.keys()) {
                owed.add(key);
                pending.put(key, new Pending(null, epoch, revision, 0, true, now));
            }
        }
        for (ConfigEntry entry : entries) {
            pending.put(entry.key(), new Pending(entry, epoch, Math.max(revision, entry.revision()), 0, true, now));
        }
        told.forEach((key, change) -> {
            Pending known = pending.get(key);
            if (known == null ? change.isNewerThan(epoch, revision) : change.isNewerThan(known.epoch, known.revision)) {
                pending.put(key, change);
            }
        });
    }

    @Override
    public void offer(ConfigChangeSet changes) {
        synchronized (this) {
            boolean old = changes.epoch() < startEpoch
                    || (changes.epoch() == startEpoch && changes.revision() <= startRevision);
            if (closed != null || old) {
                return;
            }
            long now = nanoTime.getAsLong();
            for (ConfigChange change : changes.changes()) {
                if (filter.matches(change.key())) {
                    offer(change.key(), change.after(), changes.epoch(), changes.revision(), now);
                }
            }
        }
        signal.give();
    }

    private void offer(String key, @Nullable ConfigEntry entry, long epoch, long revision, long now) {
        Pending known = pending.get(key);
        if (known == null) {
            ConfigEntry before = taken.get(key);
            if (before == null || epoch > startEpoch || before.revision() < revision) {
                pending.put(key, new Pending(entry, epoch, revision, 0, false, now));
            }
        } else if (!known.isNewerThan(epoch, revision - 1)) {
            // Keeps its place: the order is that of the first news of each key.
            pending.put(key, new Pending(entry, epoch, revision, known.collapsed + 1, false, known.since));
        }
    }

    @Override
    public void reload(@Nullable Set<String> compared) {
        if (closed == null) {
            reader.readInto(this);
        }
    }

    /** What is there now, where not every change since was offered: what differs from what is known is news. */
    void restart(Collection<ConfigEntry> entries, long epoch, long revision) {
        synchronized (this) {
            if (closed != null || startRevision < 0) {
                return;
            }
            long now = nanoTime.getAsLong();
            Set<String> gone = new HashSet<>(taken.keySet());
            gone.addAll(pending.keySet());
            for (ConfigEntry entry : entries) {
                gone.remove(entry.key());
                offer(entry.key(), entry, epoch, Math.max(revision, entry.revision()), now);
            }
            gone.forEach(key -> offer(key, null, epoch, revision, now));
        }
        signal.give();
    }

    @Override
    public void failed(Throwable cause) {
        synchronized (this) {
            if (!tellsFailures || closed != null) {
                return;
            }
            recovered = false;
            if (failure == null) {
                failure = cause;
                failureSince = nanoTime.getAsLong();
                failureTaken = false;
            }
        }
        signal.give();
    }

    @Override
    public void recovered() {
        synchronized (this) {
            if (failure == null || closed != null) {
                return;
            }
            recovered = true;
            recoveredSince = nanoTime.getAsLong();
        }
        signal.give();
    }

    /** How many things there are to tell, at most. */
    synchronized int size() {
        return pending.size() + 2;
    }

    /** Takes the next thing to tell: a failure first, a recovery after what had changed meanwhile. Null if there is none. */
    synchronized @Nullable News poll() {
        last = take();
        return last;
    }

    private @Nullable News take() {
        if (failure != null && !failureTaken) {
            failureTaken = true;
            lastSince = failureSince;
            return new Failed(failure);
        }
        Iterator<Map.Entry<String, Pending>> next = pending.entrySet().iterator();
        while (next.hasNext()) {
            Map.Entry<String, Pending> first = next.next();
            next.remove();
            lastSince = first.getValue().since;
            Change change = change(first.getKey(), first.getValue());
            if (change != null) {
                return change;
            }
        }
        if (recovered && failure != null && startRevision >= 0) {
            Recovered news = new Recovered(failure);
            lastSince = recoveredSince;
            recovered = false;
            failure = null;
            return news;
        }
        return null;
    }

    /** What this is to somebody who knows what was taken; null if it is nothing. */
    private @Nullable Change change(String key, Pending now) {
        ConfigEntry before = taken.get(key);
        boolean isOwed = owed.remove(key);
        takenBeforeLast = before;
        owedBeforeLast = isOwed;
        if (now.entry != null) {
            taken.put(key, now.entry);
            return before != null && before.sameContent(now.entry) ? null : change(key, KeyState.Kind.PRESENT, now);
        }
        if (before != null) {
            taken.remove(key);
            return change(key, KeyState.Kind.DELETED, now);
        }
        return isOwed ? change(key, KeyState.Kind.ABSENT, now) : null;
    }

    private static Change change(String key, KeyState.Kind kind, Pending now) {
        return new Change(key, kind, now.entry, now.epoch, now.revision, now.collapsed, now.first);
    }

    /** What was taken last has reached whom it was for, and cannot be put back any more. */
    synchronized void delivered() {
        last = null;
    }

    /** What was taken last did not reach anybody: it comes again, or what is newer by then. */
    synchronized void putBack() {
        News back = closed == null ? last : null;
        last = null;
        if (back instanceof Failed) {
            failureTaken = false;
        } else if (back instanceof Recovered unheard) {
            // If it has failed again since, there is nothing to tell: whoever listens believes so anyway.
            recovered |= failure == null;
            failure = unheard.failure();
            failureTaken = true;
        } else if (back instanceof Change change) {
            putBack(change);
        }
    }

    private void putBack(Change change) {
        String key = change.key();
        if (takenBeforeLast == null) {
            taken.remove(key);
        } else {
            taken.put(key, takenBeforeLast);
        }
        if (owedBeforeLast) {
            owed.add(key);
        }
        Map<String, Pending> others = new LinkedHashMap<>(pending);
        Pending newer = others.remove(key);
        pending.clear();
        pending.put(
                key,
                newer == null
                        ? new Pending(
                                change.entry(),
                                change.epoch(),
                                change.revision(),
                                change.collapsed(),
                                change.first(),
                                lastSince)
                        : new Pending(
                                newer.entry,
                                newer.epoch,
                                newer.revision,
                                newer.collapsed + change.collapsed() + 1,
                                false,
                                lastSince));
        pending.putAll(others);
    }

    @Override
    public synchronized @Nullable Long waitingSince() {
        if (!pushed) {
            return null;
        }
        if (last != null) {
            return lastSince;
        }
        if (failure != null && !failureTaken) {
            return failureSince;
        }
        return pending.isEmpty() ? null : pending.values().iterator().next().since;
    }

    /** Why nothing comes any more, if that is so and was not the watcher's own doing. */
    @Nullable
    String closed() {
        return closed;
    }

    @Override
    public void close(@Nullable String reason) {
        synchronized (this) {
            if (closed != null) {
                return;
            }
            closed = reason == null ? "The watcher is closed" : reason;
            pending.clear();
            taken.clear();
            owed.clear();
            last = null;
            takenBeforeLast = null;
        }
        signal.give();
    }
}
