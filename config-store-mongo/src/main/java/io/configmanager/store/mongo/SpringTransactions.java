// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import com.mongodb.ClientSessionOptions;
import com.mongodb.client.ClientSession;
import com.mongodb.client.MongoDatabase;
import org.jspecify.annotations.Nullable;
import org.springframework.core.InfrastructureProxy;
import org.springframework.dao.support.PersistenceExceptionTranslator;
import org.springframework.data.mongodb.MongoDatabaseFactory;
import org.springframework.data.mongodb.MongoDatabaseUtils;
import org.springframework.transaction.support.ResourceHolderSupport;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/** The Spring transactions of a client. Nothing else here needs Spring, so that a store works without it. */
final class SpringTransactions {

    private final MongoDatabaseFactory factory;

    SpringTransactions(MongoDatabaseFactory factory) {
        this.factory = factory;
    }

    boolean active() {
        return MongoDatabaseUtils.isTransactionActive(factory);
    }

    /** The session of the calling thread's transaction; null if there is none. */
    @Nullable
    ClientSession current() {
        if (!active()) {
            return null;
        }
        Listener listener = new Listener(factory);
        MongoDatabaseUtils.getDatabase(listener);
        return listener.session;
    }

    /** Calls this when the transaction of the calling thread has ended, however it ended. */
    void whenEnded(Runnable work) {
        TransactionSynchronizationManager.registerSynchronization(new TransactionSynchronization() {
            @Override
            public void afterCompletion(int status) {
                work.run();
            }
        });
    }

    /** The transaction of the calling thread can no longer be committed. */
    void rollBackOnly() {
        if (TransactionSynchronizationManager.getResource(factory) instanceof ResourceHolderSupport holder) {
            holder.setRollbackOnly();
        }
    }

    /** Spring shows the session of a transaction to the factory only; so this stands in for it once. */
    private static final class Listener implements MongoDatabaseFactory, InfrastructureProxy {

        private final MongoDatabaseFactory factory;
        private @Nullable ClientSession session;

        Listener(MongoDatabaseFactory factory) {
            this.factory = factory;
        }

        @Override
        public MongoDatabaseFactory withSession(ClientSession bound) {
            session = bound;
            return this;
        }

        @Override
        public Object getWrappedObject() {
            return factory;
        }

        @Override
        public MongoDatabase getMongoDatabase() {
            return factory.getMongoDatabase();
        }

        @Override
        public MongoDatabase getMongoDatabase(String name) {
            return factory.getMongoDatabase(name);
        }

        @Override
        public ClientSession getSession(ClientSessionOptions options) {
            return factory.getSession(options);
        }

        @Override
        public PersistenceExceptionTranslator getExceptionTranslator() {
            return factory.getExceptionTranslator();
        }
    }
}
