// One streamed call with java.net.http, tried again when it breaks, as the SDKs do. Java reads
// neither the proxy nor the CA variables; this program hands both to its client itself. One that
// does not is run with `run --java`: tests/e2e/cli.py has that.
import java.io.FileInputStream;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Call {
    static final String BODY = "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":64,\"stream\":true,"
        + "\"messages\":[{\"role\":\"user\",\"content\":\"Answer with one word.\"}]}";

    static SSLContext trustOf(String file) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        int number = 0;
        try (InputStream in = new FileInputStream(file)) {
            for (var one : CertificateFactory.getInstance("X.509").generateCertificates(in))
                store.setCertificateEntry("root-" + number++, one);
        }
        TrustManagerFactory managers =
            TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context;
    }

    static String textOf(String stream) throws Exception {
        if (!stream.contains("event: message_stop")) throw new Exception("the stream has no end");
        Matcher matcher = Pattern.compile("\"text_delta\",\"text\":\"([^\"]*)\"").matcher(stream);
        StringBuilder text = new StringBuilder();
        while (matcher.find()) text.append(matcher.group(1));
        return text.toString();
    }

    public static void main(String[] arguments) throws Exception {
        URI proxy = URI.create(System.getenv("HTTPS_PROXY"));
        String roots = System.getenv().getOrDefault("SSL_CERT_FILE",
            "/etc/ssl/certs/ca-certificates.crt");
        HttpClient client = HttpClient.newBuilder()
            .proxy(ProxySelector.of(new InetSocketAddress(proxy.getHost(), proxy.getPort())))
            .sslContext(trustOf(roots)).build();
        HttpRequest request = HttpRequest
            .newBuilder(URI.create("https://api.anthropic.com/v1/messages"))
            .header("content-type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(BODY)).build();
        for (int attempt = 0; attempt < 5; ++attempt) {
            try {
                System.out.println(textOf(
                    client.send(request, HttpResponse.BodyHandlers.ofString()).body()));
                return;
            } catch (Exception error) {
                System.err.println("attempt " + attempt + ": " + error);
                Thread.sleep(500);
            }
        }
        System.exit(1);
    }
}
