// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import com.mongodb.ConnectionString;
import com.mongodb.MongoClientSettings;
import com.mongodb.ReadConcern;
import com.mongodb.TransactionOptions;
import com.mongodb.WriteConcern;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.event.ConnectionClosedEvent;
import com.mongodb.event.ConnectionCreatedEvent;
import com.mongodb.event.ConnectionPoolListener;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.mongo.MongoConfigStore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.data.mongodb.MongoDatabaseFactory;
import org.springframework.data.mongodb.MongoTransactionManager;
import org.springframework.data.mongodb.core.SimpleMongoClientDatabaseFactory;
import org.springframework.transaction.PlatformTransactionManager;

/** A client of an application, and settings for the one of the feed. */
final class MongoClientStore implements ClientStore {

    private final AtomicInteger open = new AtomicInteger();
    private final MongoClientSettings feed;
    private final MongoClient client;
    private final MongoDatabaseFactory factory;

    MongoClientStore(int port) {
        ConnectionString address = MongoServer.address(port);
        feed = MongoClientSettings.builder()
                .applyConnectionString(address)
                .applyToConnectionPoolSettings(pool -> pool.addConnectionPoolListener(new Counting(open)))
                .build();
        // An application whose transactions must not hang for longer than its configuration.
        client = MongoClients.create(MongoClientSettings.builder()
                .applyConnectionString(address)
                .applyToConnectionPoolSettings(pool -> pool.maxSize(5))
                .timeout(2 * Settings.CALL_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
                .build());
        factory = new SimpleMongoClientDatabaseFactory(client, MongoServer.NAMES.database());
    }

    @Override
    public ConfigStore store() {
        return MongoConfigStore.builder(client, feed, MongoServer.NAMES)
                .transactionsOf(factory)
                .pollIntervals(Settings.POLL, Settings.POLL_ONLY)
                .callTimeout(Settings.CALL_TIMEOUT)
                .auditInterval(Settings.AUDIT)
                .retention(Settings.RETENTION, Settings.RETAINED_REVISIONS, Settings.RETAINED_VERSIONS)
                .build();
    }

    @Override
    public PlatformTransactionManager transactions() {
        return new MongoTransactionManager(
                factory,
                TransactionOptions.builder()
                        .readConcern(ReadConcern.SNAPSHOT)
                        .writeConcern(WriteConcern.MAJORITY)
                        .build());
    }

    @Override
    public int feedConnections() {
        return open.get();
    }

    /** A stream that the server forgets says so; that is a fault of the server. */
    @Override
    public void loseRegistration() {
        throw new UnsupportedOperationException();
    }

    /** Counts the connections that are open. */
    private record Counting(AtomicInteger open) implements ConnectionPoolListener {

        @Override
        public void connectionCreated(ConnectionCreatedEvent event) {
            open.incrementAndGet();
        }

        @Override
        public void connectionClosed(ConnectionClosedEvent event) {
            open.decrementAndGet();
        }
    }
}
