// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.MongoDatabaseHandler;
import de.bwaldvogel.mongo.wire.MongoExceptionHandler;
import de.bwaldvogel.mongo.wire.MongoWireMessageEncoder;
import de.bwaldvogel.mongo.wire.MongoWireProtocolHandler;
import de.bwaldvogel.mongo.wire.MongoWireReplyEncoder;
import de.bwaldvogel.mongo.wire.message.MessageHeader;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import io.configmanager.store.mongo.Faults.Fault;
import io.configmanager.store.mongo.Faults.Kind;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/**
 * A server in this process that answers the driver as a MongoDB replica set of one member does, as far as this module uses
 * it: change streams, transactions, operation times. It is no MongoDB: it proves how this project uses the driver and
 * handles errors, not what MongoDB does.
 *
 * <p>The commands themselves are mongo-java-server's; everything about replication is here.
 */
public final class ReplicaSetServer implements AutoCloseable {

    private static final int WORKERS = 4;

    private final ReplicaSetNode node;
    private final boolean standalone;
    private final AtomicInteger messageId = new AtomicInteger();
    private final MultiThreadIoEventLoopGroup workers =
            new MultiThreadIoEventLoopGroup(WORKERS, NioIoHandler.newFactory());
    private final ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
    private final int port;
    private Channel listening;

    private ReplicaSetServer(boolean standalone) {
        this.standalone = standalone;
        this.node = new ReplicaSetNode(standalone);
        listen(0);
        this.port = ((InetSocketAddress) listening.localAddress()).getPort();
    }

    public static ReplicaSetServer start() {
        return new ReplicaSetServer(false);
    }

    /** One that is no replica set: no change streams, no transactions. */
    public static ReplicaSetServer startStandalone() {
        return new ReplicaSetServer(true);
    }

    public int port() {
        return port;
    }

    public String uri() {
        return "mongodb://127.0.0.1:" + port + "/" + (standalone ? "" : "?replicaSet=rs0");
    }

    /** Stops to listen and closes all connections; what was committed stays, open transactions and streams do not. */
    public void stop() {
        listening.close().syncUninterruptibly();
        connections.close().awaitUninterruptibly();
        synchronized (node.lock) {
            node.transactions.abortAll();
            node.streams.forgetAll();
        }
    }

    /** Listens again on the same port. */
    public void startAgain() {
        listen(port);
    }

    /** Closes all connections; new ones are accepted. */
    public void cutConnections() {
        connections.close().awaitUninterruptibly();
    }

    /** The next commands of this name answer with an error, those that wait in a stream at once. */
    public void fail(String command, int times, int code, String name, String... labels) {
        Document error = Errors.of(code, name, "planned by the test", labels);
        synchronized (node.lock) {
            node.faults.plan(
                    each -> named(command).test(each) && !node.streams.isSpared(each),
                    new Fault(Kind.ERROR, error),
                    times);
            if (command.equals("getMore") && node.streams.waiting() > 0) {
                node.faults.due(new Document(command, 0L));
                node.streams.fail(error.cloneDeeply());
            }
        }
    }

    /** The next commands of this name lose their connection, either before they are run or after. */
    void cut(String command, int times, Kind kind) {
        synchronized (node.lock) {
            node.faults.plan(named(command), new Fault(kind, null), times);
        }
    }

    /** The next commands of this name are run, but their connections close before the answer. */
    public void loseAnswers(String command, int times) {
        cut(command, times, Kind.CUT_AFTER);
    }

    public void noMoreFaults() {
        synchronized (node.lock) {
            node.faults.clear();
            node.streams.lag(false);
        }
    }

    /** Forgets the events so far, as an oplog does that is too small. */
    public void truncateHistory() {
        synchronized (node.lock) {
            node.oplog.truncate();
        }
    }

    /** The server forgets its open change streams. */
    public void forgetStreams() {
        synchronized (node.lock) {
            node.streams.forgetAll();
        }
    }

    /** As if streams were read from a member that is behind, which other reads are not. */
    void lagStreams(boolean now) {
        synchronized (node.lock) {
            node.streams.lag(now);
        }
    }

    int openStreams() {
        synchronized (node.lock) {
            return node.streams.open();
        }
    }

    /** What the TTL monitor does each minute, when the test says so. */
    public void removeExpired() {
        node.removeExpired();
    }

    /** From now on no other member gets what is written here: it can be acknowledged, but by no majority. */
    void cutOff() {
        node.cutOff();
    }

    /** Ends being cut off as a former primary does: what no majority got is taken back. */
    void rollBack() {
        node.rollBack();
    }

    /** Ends being cut off as the primary that it still is: a majority gets everything. */
    void catchUp() {
        node.catchUp();
    }

    /** The periodic entry that moves the position of idle streams. */
    void noop() {
        node.noop();
    }

    @Override
    public void close() {
        stop();
        workers.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
    }

    private static Predicate<Document> named(String name) {
        return command -> command.keySet().iterator().next().equals(name);
    }

    private void listen(int onPort) {
        listening = new ServerBootstrap()
                .group(workers)
                .channel(NioServerSocketChannel.class)
                .option(io.netty.channel.ChannelOption.SO_REUSEADDR, true)
                .childOption(io.netty.channel.ChannelOption.TCP_NODELAY, true)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline()
                                .addLast(
                                        new MongoWireReplyEncoder(),
                                        new MongoWireMessageEncoder(),
                                        new MongoWireProtocolHandler(),
                                        new Commands(),
                                        new MongoDatabaseHandler(node.documents, connections),
                                        new MongoExceptionHandler());
                    }
                })
                .bind(new InetSocketAddress("127.0.0.1", onPort))
                .syncUninterruptibly()
                .channel();
    }

    /** Hands commands to the node; a reply that comes later occupies no thread. */
    private final class Commands extends SimpleChannelInboundHandler<MongoMessage> {

        @Override
        protected void channelRead0(ChannelHandlerContext context, MongoMessage request) {
            Channel channel = context.channel();
            node.handle(channel, request.getDocument(), reply -> {
                if (reply == null) {
                    ChannelFuture unused = channel.close();
                } else {
                    int id = messageId.incrementAndGet();
                    MessageHeader header =
                            new MessageHeader(id, request.getHeader().getRequestID());
                    ChannelFuture unused = channel.writeAndFlush(new MongoMessage(channel, header, reply));
                }
            });
        }
    }
}
