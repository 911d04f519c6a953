// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.concurrency;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** What a reader of fields may see that are written as the starter writes injected ones: by volatile writes, one by one. */
public final class InjectedFields {

    private InjectedFields() {}

    private static VarHandle handle(MethodHandles.Lookup lookup, Class<?> owner, String name, Class<?> type) {
        try {
            return lookup.findVarHandle(owner, name, type);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Two fields declared volatile: who sees the second one new sees the first one new. */
    @JCStressTest
    @Description("volatile fields, the second read first")
    @Outcome(
            id = {"0, 0", "0, 1", "1, 1"},
            expect = ACCEPTABLE,
            desc = "in the order of the writes")
    @Outcome(expect = FORBIDDEN, desc = "the second one new, the first one old")
    @State
    public static class VolatileFields {

        private static final VarHandle FIRST = handle(MethodHandles.lookup(), VolatileFields.class, "first", int.class);
        private static final VarHandle SECOND =
                handle(MethodHandles.lookup(), VolatileFields.class, "second", int.class);

        private volatile int first;
        private volatile int second;

        @Actor
        public void follow() {
            FIRST.setVolatile(this, 1);
            SECOND.setVolatile(this, 1);
        }

        @Actor
        public void read(II_Result r) {
            r.r1 = second;
            r.r2 = first;
        }
    }

    /** Two plain fields: the reader's own two reads may change places. */
    @JCStressTest
    @Description("plain fields, the second read first")
    @Outcome(
            id = {"0, 0", "0, 1", "1, 1"},
            expect = ACCEPTABLE,
            desc = "in the order of the writes")
    @Outcome(id = "1, 0", expect = ACCEPTABLE_INTERESTING, desc = "plain reads have no order")
    @Outcome(expect = FORBIDDEN, desc = "a value that was never set")
    @State
    public static class PlainFields {

        private static final VarHandle FIRST = handle(MethodHandles.lookup(), PlainFields.class, "first", int.class);
        private static final VarHandle SECOND = handle(MethodHandles.lookup(), PlainFields.class, "second", int.class);

        private int first;
        private int second;

        @Actor
        public void follow() {
            FIRST.setVolatile(this, 1);
            SECOND.setVolatile(this, 1);
        }

        @Actor
        public void read(II_Result r) {
            r.r1 = second;
            r.r2 = first;
        }
    }

    /** A record in a plain field is seen whole: its fields are final. */
    @JCStressTest
    @Description("a record in a plain field")
    @Outcome(
            id = {"0, 0", "1, 1"},
            expect = ACCEPTABLE,
            desc = "whole")
    @Outcome(expect = FORBIDDEN, desc = "torn")
    @State
    public static class RecordInPlainField {

        private static final VarHandle PAIR =
                handle(MethodHandles.lookup(), RecordInPlainField.class, "pair", Pair.class);

        private @Nullable Pair pair;

        private record Pair(int left, int right) {}

        @Actor
        public void follow() {
            PAIR.setVolatile(this, new Pair(1, 1));
        }

        @Actor
        public void read(II_Result r) {
            Pair seen = pair;
            if (seen != null) {
                r.r1 = seen.left();
                r.r2 = seen.right();
            }
        }
    }
}
