import Foundation
import TestKit
import Testing

@testable import Kubernetes

@Suite struct AccessTests {
    private static let text = """
        apiVersion: v1
        kind: Config
        current-context: one
        clusters:
        - {name: c1, cluster: {server: "https://10.0.0.1:6443/", certificate-authority: ca.pem, tls-server-name: api}}
        - name: c2
          cluster: {server: "http://127.0.0.1:8001", insecure-skip-tls-verify: true}
        users:
        - {name: token, user: {token: secret-token}}
        - {name: file, user: {token: old, tokenFile: /run/token}}
        - {name: pair, user: {client-certificate-data: Y2VydA==, client-key: keys/client.pem}}
        - {name: half, user: {client-certificate: a.pem}}
        - {name: plugin, user: {exec: {command: aws, apiVersion: client.authentication.k8s.io/v1}}}
        - {name: login, user: {username: admin, password: pass-word}}
        - {name: broken, user: {client-certificate-data: "%%%", client-key: a}}
        contexts:
        - {name: one, context: {cluster: c1, user: token, namespace: sale}}
        - {name: two, context: {cluster: c2, user: file}}
        - {name: three, context: {cluster: c2, user: pair}}
        - {name: half, context: {cluster: c2, user: half}}
        - {name: plugin, context: {cluster: c2, user: plugin}}
        - {name: login, context: {cluster: c2, user: login}}
        - {name: broken, context: {cluster: c2, user: broken}}
        - {name: no-cluster, context: {cluster: c9, user: token}}
        - {name: no-user, context: {cluster: c1, user: nobody}}
        - {name: nameless, context: {cluster: c2}}
        """

    private func access(_ context: String?, _ text: String = Self.text) throws -> ClusterAccess {
        try Kubeconfig.access(text, folder: "/etc/kube/", context: context)
    }

    private func problem(_ context: String?, _ text: String = Self.text) -> String {
        do {
            return "no problem: \(try self.access(context, text).server)"
        } catch { return "\(error)" }
    }

    @Test func contexts_areReadWithWhatTheyName() throws {
        let one = try self.access(nil)
        #expect(one.server == "https://10.0.0.1:6443" && one.namespace == "sale" && one.serverName == "api")
        #expect(one.authority == .file("/etc/kube/ca.pem") && one.isVerified)
        #expect(one.credentials == .token(.init("secret-token")))
        #expect(!"\(one)".contains("secret-token"))
        let two = try self.access("two")
        #expect(two.credentials == .tokenFile("/run/token") && !two.isVerified && two.namespace == nil)
        #expect(
            try self.access("three").credentials
                == .certificate(.bytes(.init("cert")), key: .file("/etc/kube/keys/client.pem"))
        )
        #expect(try self.access("nameless").credentials == .none)
    }

    /// Each says what is wrong and what there is, and none repeats a secret.
    @Test func what_cannotBeUsed_isToldWithoutSecrets() {
        let cases: [(String?, String, String)] = [
            ("four", Self.text, "there is no context 'four'; there are: one, two"),
            ("half", Self.text, "only one of client-certificate and client-key"),
            ("plugin", Self.text, "exec or auth-provider"), ("login", Self.text, "has a password"),
            ("broken", Self.text, "client-certificate-data is not base64"),
            ("no-cluster", Self.text, "names the cluster 'c9', which is not there; there are: c1, c2"),
            ("no-user", Self.text, "names the user 'nobody', who is not there"),
            (nil, "contexts: []", "it has no current-context"), (nil, "{token: secret-token", "it is not YAML"),
            (nil, "clusters: [{name: x}]", "the key cluster is missing at clusters[0]"),
            (nil, "clusters: 7", "a value of another kind at clusters"),
            (
                "x",
                "{clusters: [{name: c, cluster: {server: 'ftp://a'}}], contexts: [{name: x, context: {cluster: c}}]}",
                "'ftp://a' is no http or https address"
            ),
        ]
        for (context, text, words) in cases {
            let problem = self.problem(context, text)
            #expect(problem.contains(words), "\(context ?? "none"): \(problem)")
            #expect(!problem.contains("secret-token") && !problem.contains("pass-word"))
        }
    }

    @Test func file_missing_isTold() {
        #expect(throws: ClusterAccess.Problem.self) { try Kubeconfig.load(path: "/nowhere/config", context: nil) }
    }

    @Test func pod_findsItsServiceAccount() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let environment = ["KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"]
        #expect(throws: ClusterAccess.Problem.self, "no token") {
            try ClusterAccess.inCluster(environment: environment, folder: folder.path)
        }
        try "first\n".write(to: folder.appendingPathComponent("token"), atomically: true, encoding: .utf8)
        try "sale".write(to: folder.appendingPathComponent("namespace"), atomically: true, encoding: .utf8)
        let access = try ClusterAccess.inCluster(environment: environment, folder: folder.path)
        #expect(access.server == "https://10.96.0.1:443" && access.namespace == "sale")
        #expect(try access.bearer() == "first")
        try "second".write(to: folder.appendingPathComponent("token"), atomically: true, encoding: .utf8)
        #expect(try access.bearer() == "second", "tokens are changed while a pod runs")
        try " \n".write(to: folder.appendingPathComponent("token"), atomically: true, encoding: .utf8)
        #expect(throws: ClusterAccess.Problem.self) { try access.bearer() }
        #expect(throws: ClusterAccess.Problem.self, "not in a cluster") {
            try ClusterAccess.inCluster(environment: [:], folder: folder.path)
        }
    }
}

@Suite struct APIWordsTests {
    private let scale = ScaleTarget(plural: "deployments", namespace: "sale", name: "shop")

    @Test func requests_haveTheDocumentedPaths() {
        #expect(self.scale.read.target == "/apis/apps/v1/namespaces/sale/deployments/shop/scale")
        let mark = PodDeletionCost.mark(pod: "shop-1", namespace: "sale", cost: -7)
        #expect(mark.target == "/api/v1/namespaces/sale/pods/shop-1" && mark.method == "PATCH")
        let patch = #"{"metadata":{"annotations":{"controller.kubernetes.io/pod-deletion-cost":"-7"}}}"#
        #expect(String(decoding: mark.body, as: UTF8.self) == patch)
        var list = APIRequest(.list, APIResource(group: "", version: "v1", namespace: "a b", plural: "pods"))
        list.query = [("labelSelector", "a/b=c d")]
        #expect(list.target == "/api/v1/namespaces/a%20b/pods?labelSelector=a%2Fb%3Dc%20d")
    }

    @Test func costs_sinkWithTime_andFitThirtyTwoBits() {
        let now: Int64 = 1_795_000_000_000_000
        #expect(PodDeletionCost.now(wallMicros: now) > PodDeletionCost.now(wallMicros: now + 1_000_000))
        #expect(PodDeletionCost.now(wallMicros: .max) == .min && PodDeletionCost.now(wallMicros: now) < 0)
    }

    @Test func refusals_sayWhatToDo() {
        let status = #"{"kind":"Status","reason":"Forbidden","message":"not you","code":403}"#
        let cases: [(Int, String, [String])] = [
            (401, "", ["does not know who asks", "token"]),
            (403, status, [#"apiGroups ["apps"], resources ["deployments/scale"], verbs ["get"]"#, "not you"]),
            (404, "", ["there is none", "get deployments/scale shop in namespace sale"]),
            (429, "", ["too much to do"]), (500, "<html>", ["answered 500"]),
        ]
        for (code, body, words) in cases {
            let failure = APIFailure(APIResponse(status: code, body: Array(body.utf8)), to: self.scale.read)
            for word in words { #expect(failure.description.contains(word), "\(failure)") }
        }
    }

    @Test func times_haveSixDigits() {
        #expect(MicroTime.text(wallMicros: 1_795_000_000_000_000) == "2026-11-18T11:06:40.000000Z")
        #expect(MicroTime.text(wallMicros: 1_795_000_000_000_001) == "2026-11-18T11:06:40.000001Z")
    }

    @Test func lines_areCutAndBounded() {
        var splitter = LineSplitter(maxBytes: 5)
        #expect(splitter.take("ab".utf8) == [])
        #expect(splitter.take("c\n\nde\nf".utf8)?.map { String(decoding: $0, as: UTF8.self) } == ["abc", "de"])
        #expect(splitter.take("ghij\n".utf8) == [Array("fghij".utf8)])
        #expect(splitter.take("123456".utf8) == nil)
    }
}
