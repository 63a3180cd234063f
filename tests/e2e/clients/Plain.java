// Java as it comes: two calls, one with each of its clients, and nothing set up by the program. The
// lines that it prints: what each call answered, and how many roots it trusts.
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

public class Plain {
    public static void main(String[] arguments) throws Exception {
        URI url = URI.create(arguments[0]);
        String body = arguments[1];

        HttpResponse<String> answer = HttpClient.newHttpClient().send(
            HttpRequest.newBuilder(url).header("content-type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body)).build(),
            HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.version() + " " + answer.statusCode() + " "
            + answer.body().contains("input_tokens"));

        HttpsURLConnection connection = (HttpsURLConnection) url.toURL().openConnection();
        connection.setDoOutput(true);
        connection.setRequestProperty("content-type", "application/json");
        try (OutputStream out = connection.getOutputStream()) {
            out.write(body.getBytes(StandardCharsets.UTF_8));
        }
        String text =
            new String(connection.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        System.out.println("HTTP_1_1 " + connection.getResponseCode() + " "
            + text.contains("input_tokens"));

        TrustManagerFactory managers =
            TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init((KeyStore) null);
        System.out.println("roots "
            + ((X509TrustManager) managers.getTrustManagers()[0]).getAcceptedIssuers().length);
    }
}
