import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** Runs the statements of a file, one a line, with the driver's defaults, and prints how many rows each gave. */
public class Jdbc {
    public static void main(String[] args) throws Exception {
        Class.forName("com.clickhouse.jdbc.Driver");
        try (Connection connection = DriverManager.getConnection(args[0], "anyone", args[1])) {
            for (String sql : Files.readAllLines(Path.of(args[2]), StandardCharsets.UTF_8)) {
                run(connection, sql);
            }
            try (ResultSet tables = connection.getMetaData().getTables(null, "agenttrace", "runs", null)) {
                System.out.println("tables\t" + tables.next());
            }
        }
    }

    private static void run(Connection connection, String sql) {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            int count = 0;
            String first = "";
            while (rows.next()) {
                first = count == 0 ? rows.getString(1) : first;
                count++;
            }
            System.out.println(count + "\t" + first);
        } catch (SQLException error) {
            System.out.println("error\t" + (error.getMessage().contains("497") ? 497 : 0));
        }
    }
}
