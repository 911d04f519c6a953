// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Everything that will be done and when, from the seed alone: no outcome has an influence on it. Times are milliseconds from
 * the start of the load.
 */
final class Plan {

    /** Faults of one client come one after the other, and so do those of the server; all of them at the same time. */
    enum FaultKind {
        CUT(false, 0, 0, 3),
        CUT_IN_COMMIT(false, 600, 600, 3),
        DELAY(false, 500, 2_000, 2),
        FREEZE(false, 300, 8_000, 3),
        REFUSE(false, 300, 2_500, 2),
        AWAY(false, 4_000, 6_000, 1),
        PAUSE(false, 200, 4_000, 2),
        UNLISTEN(Store.POSTGRES, false, 0, 0, 2),
        KILL(false, 0, 0, 1),
        RESTART(false, 0, 0, 1),

        TERMINATE_FEEDS(Store.POSTGRES, true, 0, 0, 3),
        TERMINATE_ALL(true, 0, 0, 2),
        CRASH(true, 100, 1_500, 2),
        SILENT_COMMITS(Store.POSTGRES, true, 1_000, 3_000, 3),
        NO_CHANNEL(Store.POSTGRES, true, 500, 2_500, 1),
        COMPACT(true, 0, 0, 3),
        DUMP(true, 0, 0, 2),
        RESTORE(true, 0, 0, 2),
        REWIND(true, 500, 1_500, 2),
        LINEAGE(true, 0, 0, 1),
        BREAK_VALUE(true, 500, 1_500, 2),

        FREEZE_SERVER(Store.MONGO, true, 300, 3_000, 2),
        END_STREAMS(Store.MONGO, true, 0, 0, 4),
        LOSE_EVENTS(Store.MONGO, true, 0, 0, 2),
        LOSE_ANSWERS(Store.MONGO, true, 500, 1_500, 2),
        DROP(Store.MONGO, true, 0, 0, 1),
        REMOVE_EXPIRED(Store.MONGO, true, 0, 0, 2);

        /** Null for every store. */
        final @Nullable Store store;

        final boolean server;
        final int shortest;
        final int longest;
        final int weight;

        FaultKind(boolean server, int shortest, int longest, int weight) {
            this(null, server, shortest, longest, weight);
        }

        FaultKind(@Nullable Store store, boolean server, int shortest, int longest, int weight) {
            this.store = store;
            this.server = server;
            this.shortest = shortest;
            this.longest = longest;
            this.weight = weight;
        }

        boolean concerns(Store other) {
            return store == null || store == other;
        }
    }

    /**
     * A fault.
     *
     * @param lane 0 for the server, else the number of the client
     * @param millis how long it lasts
     * @param choice decides what the kind leaves open
     */
    record Fault(long at, int lane, FaultKind kind, int millis, int choice) {}

    /** What a manager is asked to do. */
    enum CallKind {
        SET(26),
        INCREMENT(14),
        PAIR(12),
        DELETE(9),
        DELETE_PAIR(4),
        CREATE(6),
        EXPIRE(9),
        MANY(4),
        LARGE(1),
        JOINED(4),
        ROLLED_BACK(4),
        LATEST(4),
        SYNC(3);

        final int weight;

        CallKind(int weight) {
            this.weight = weight;
        }
    }

    /** What may be queued by a manager; the two with a condition expect the version that was read. */
    enum QueueKind {
        SET(35),
        SET_IF(25),
        DELETE(5),
        DELETE_IF(10),
        COMMIT(15),
        OVERWRITE(30);

        final int weight;

        QueueKind(int weight) {
            this.weight = weight;
        }
    }

    /** What an operator does in the shell of MongoDB. */
    enum HandKind {
        PUT(24),
        REPLACE(10),
        TYPED(8),
        UPDATE_SOME(8),
        DELETE(14),
        EXPIRE(8);

        final int weight;

        HandKind(int weight) {
            this.weight = weight;
        }
    }

    /** What an operator does in psql. */
    enum SqlKind {
        PUT(24),
        UPDATE_SOME(10),
        DELETE(10),
        PAIR(12),
        PAIR_OF_TWO_NAMESPACES(8),
        MOVE(6),
        ROLLED_BACK(8),
        IDLE(10),
        EXPIRE(6),
        INCREMENT(6);

        final int weight;

        SqlKind(int weight) {
            this.weight = weight;
        }
    }

    /**
     * Something that is written or asked.
     *
     * @param tag names it in the log and is its value
     * @param number decides what the kind leaves open
     */
    record Step<K>(long at, K kind, String namespace, int key, int number, String tag) {}

    /** Who edits by hand. */
    static final String HAND = "hand";

    /** Who may be queued; the number of the client follows. */
    static final String QUEUE = "queue";

    private static final int QUIET_START = 2_000;

    private final Settings settings;

    Plan(Settings settings) {
        this.settings = settings;
    }

    /** The faults of a lane, in order. */
    List<Fault> faults(int lane) {
        SplittableRandom random = random("faults", lane);
        List<FaultKind> bag = new ArrayList<>();
        List<Fault> faults = new ArrayList<>();
        long end = settings.load().toMillis();
        long at = (long) QUIET_START + random.nextInt(1_500);
        while (true) {
            if (bag.isEmpty()) {
                fill(bag, settings.store(), lane == 0, faults.isEmpty(), random);
            }
            FaultKind kind = bag.remove(bag.size() - 1);
            int millis = kind.shortest == kind.longest ? kind.shortest : random.nextInt(kind.shortest, kind.longest);
            if (at + millis > end) {
                return faults;
            }
            faults.add(new Fault(at, lane, kind, millis, random.nextInt(1_000_000)));
            at += millis + (lane == 0 ? random.nextInt(400, 2_400) : random.nextInt(600, 4_500));
        }
    }

    /** What one writer of a manager does. */
    List<Step<CallKind>> calls(int client, int writer) {
        int[] weights =
                Arrays.stream(CallKind.values()).mapToInt(kind -> kind.weight).toArray();
        return steps("c" + client + "." + writer, CallKind.values(), weights);
    }

    /** What one writer of a manager does that may be queued. */
    List<Step<QueueKind>> queued(int client, int writer) {
        int[] weights =
                Arrays.stream(QueueKind.values()).mapToInt(kind -> kind.weight).toArray();
        return steps(QUEUE + client + "." + writer, QueueKind.values(), weights);
    }

    /** What one operator does in the shell. */
    List<Step<HandKind>> edits(int writer) {
        int[] weights =
                Arrays.stream(HandKind.values()).mapToInt(kind -> kind.weight).toArray();
        return steps(HAND + "." + writer, HandKind.values(), weights);
    }

    /** What one operator does in psql. */
    List<Step<SqlKind>> statements(int writer) {
        int[] weights =
                Arrays.stream(SqlKind.values()).mapToInt(kind -> kind.weight).toArray();
        return steps("sql." + writer, SqlKind.values(), weights);
    }

    /** The whole plan for people, and for comparing two. */
    List<String> text() {
        List<String> lines = new ArrayList<>();
        for (int lane = 0; lane <= Settings.CLIENTS; lane++) {
            faults(lane).forEach(fault -> lines.add(fault.toString()));
        }
        for (int client = 1; client <= Settings.CLIENTS; client++) {
            for (int writer = 0; writer < Settings.WRITERS_PER_CLIENT; writer++) {
                calls(client, writer).forEach(step -> lines.add(step.toString()));
                queued(client, writer).forEach(step -> lines.add(step.toString()));
            }
        }
        for (int writer = 0; writer < Settings.OPERATORS; writer++) {
            List<? extends Step<?>> steps = settings.store() == Store.MONGO ? edits(writer) : statements(writer);
            steps.forEach(step -> lines.add(step.toString()));
        }
        return lines;
    }

    /** How every operation is named in the log; no two are the same. */
    static String tag(String who, int number) {
        return "op:" + who + "-" + number;
    }

    private <K> List<Step<K>> steps(String who, K[] kinds, int[] weights) {
        SplittableRandom random = random(who, 0);
        List<Step<K>> steps = new ArrayList<>();
        long at = random.nextInt(200);
        int gap = settings.writeGapMillis() * (who.startsWith(QUEUE) ? 3 : 1);
        for (int n = 0; at < settings.load().toMillis(); n++) {
            K kind = kinds[pick(weights, random)];
            String namespace = Keys.NAMESPACES.get(random.nextInt(Keys.NAMESPACES.size()));
            steps.add(new Step<>(at, kind, namespace, random.nextInt(1_000), random.nextInt(1_000_000), tag(who, n)));
            at += random.nextInt(gap / 5, gap * 2);
        }
        return steps;
    }

    /** Every kind as often as its weight says; but the first time once, so that a short run has each of them. */
    private static void fill(List<FaultKind> bag, Store store, boolean server, boolean once, SplittableRandom random) {
        for (FaultKind kind : FaultKind.values()) {
            if (kind.server == server && kind.concerns(store)) {
                bag.addAll(Collections.nCopies(once ? 1 : kind.weight, kind));
            }
        }
        for (int i = bag.size() - 1; i > 0; i--) {
            Collections.swap(bag, i, random.nextInt(i + 1));
        }
        // There is nothing to restore before the first dump; the bag is emptied from its end.
        int dump = bag.lastIndexOf(FaultKind.DUMP);
        int restore = bag.lastIndexOf(FaultKind.RESTORE);
        if (dump >= 0 && restore > dump) {
            Collections.swap(bag, dump, restore);
        }
    }

    private static int pick(int[] weights, SplittableRandom random) {
        int left = random.nextInt(Arrays.stream(weights).sum());
        int index = 0;
        while (left >= weights[index]) {
            left -= weights[index++];
        }
        return index;
    }

    private SplittableRandom random(String purpose, int number) {
        return new SplittableRandom(settings.seed() * 1_000_003 + purpose.hashCode() * 31L + number).split();
    }
}
