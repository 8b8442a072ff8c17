import org.neo4j.configuration.connectors.BoltConnector;
import org.neo4j.configuration.connectors.HttpConnector;
import org.neo4j.configuration.helpers.SocketAddress;
import org.neo4j.harness.Neo4j;
import org.neo4j.harness.Neo4jBuilders;

/** Starts Neo4j on free ports of 127.0.0.1, prints its HTTP address, and serves until its standard input is closed. */
public class Main {
    public static void main(String[] arguments) throws Exception {
        SocketAddress anyPort = new SocketAddress("127.0.0.1", 0);
        try (Neo4j neo4j = Neo4jBuilders.newInProcessBuilder()
                .withConfig(HttpConnector.listen_address, anyPort)
                .withConfig(BoltConnector.listen_address, anyPort)
                .build()) {
            System.out.println(neo4j.httpURI());
            System.out.flush();
            while (System.in.read() >= 0) { }
        }
    }
}
