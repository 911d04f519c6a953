// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.Plan.Fault;
import java.io.IOException;

/** The server of a run: what may be done to it and its content past the clients, and what it committed. */
interface Backend extends AutoCloseable {

    /** Somebody who changes entries without the product, as the plan says. */
    interface Operator extends Runnable {
        void stop();
    }

    /** Where the server listens on 127.0.0.1. */
    int port();

    Operator operator(int number, Recorder recorder, long loadStart);

    /** Does what only this kind of server can; answers a note for the records. */
    String fail(Fault fault) throws Exception;

    /** Keeps a copy of all that the product stored. */
    void dump() throws Exception;

    /** Puts an earlier copy in the place of all that the product stored; false if there is none. */
    boolean restore(int choice) throws Exception;

    /** The newest revision. */
    long head() throws Exception;

    /** An entry that no client wrote. */
    void put(String namespace, String key, String value, String tag) throws Exception;

    /** The same to each of these namespaces, in one transaction and with as little notice as this server allows. */
    void putQuietly(Iterable<String> namespaces, String key, String value, String tag) throws Exception;

    /** Waits until nothing that operators did is left for the clients to find. */
    void settle();

    /** Writes what was committed. */
    void export(Recorder out) throws Exception;

    @Override
    void close() throws IOException;
}
