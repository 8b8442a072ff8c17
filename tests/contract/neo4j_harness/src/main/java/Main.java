import org.neo4j.configuration.GraphDatabaseSettings;
import org.neo4j.configuration.connectors.BoltConnector;
import org.neo4j.configuration.connectors.HttpConnector;
import org.neo4j.configuration.helpers.SocketAddress;
import org.neo4j.harness.Neo4j;
import org.neo4j.harness.Neo4jBuilders;

/**
 * Starts Neo4j on free ports of 127.0.0.1, prints its HTTP address, and serves until its standard input is closed.
 * The user neo4j has the password of the variable NEO4J_PASSWORD; nobody else gets in.
 */
public class Main {
    public static void main(String[] arguments) throws Exception {
        SocketAddress anyPort = new SocketAddress("127.0.0.1", 0);
        try (Neo4j neo4j = Neo4jBuilders.newInProcessBuilder()
                .withConfig(HttpConnector.listen_address, anyPort)
                .withConfig(BoltConnector.listen_address, anyPort)
                .withConfig(GraphDatabaseSettings.auth_enabled, true)
                .build()) {
            neo4j.databaseManagementService().database("system").executeTransactionally(
                "ALTER USER neo4j SET PASSWORD $password CHANGE NOT REQUIRED",
                java.util.Map.of("password", System.getenv("NEO4J_PASSWORD")));
            System.out.println(neo4j.httpURI());
            System.out.flush();
            while (System.in.read() >= 0) { }
        }
    }
}
