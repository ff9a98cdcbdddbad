import Foundation
import Settings
import Testing

@testable import SettingsFile

@Suite struct KubernetesSettingsTests {
    private static func with(_ keys: String) -> String {
        SettingsText.smallest.replacing("    max_workers: 4\n", with: keys)
    }

    @Test func pool_ofACluster_isRead() throws {
        let text = Self.with(
            """
                driver: kubernetes
                kubernetes:
                  {name: shop, kind: StatefulSet, port: 8080, kubeconfig: kube/config, context: a, leadership: redis}

            """
        )
        let pool = try #require(try SettingsText.decode(text).pools.first)
        #expect(pool.driver == .kubernetes && pool.kubernetes.name == "shop" && pool.kubernetes.kind == .statefulSet)
        #expect(pool.kubernetes.port == "8080" && pool.kubernetes.leadership == .redis)
        #expect(pool.kubernetes.kubeconfig == "/etc/kube/config", "from the folder of the file")
    }

    @Test func mistakes_areToldWhereTheyAre() {
        let cases: [(String, [String])] = [
            (
                "    driver: kubernetes\n",
                [
                    "sluice.yaml:5:5: pools.tickets.driver: the kubernetes driver needs the key kubernetes.name: what is to "
                        + "be scaled"
                ]
            ),
            (
                "    kubernetes: {name: shop}\n",
                [
                    "sluice.yaml:5:5: pools.tickets.kubernetes: the key has no meaning with the process driver; take it out, "
                        + "or change driver"
                ]
            ),
            (
                "    driver: kubernetes\n    command: [x]\n    kubernetes: {name: shop, context: a}\n",
                [
                    "sluice.yaml:6:5: pools.tickets.command: the key has no meaning with the kubernetes driver; take it out, "
                        + "or change driver",
                    "sluice.yaml:7:30: pools.tickets.kubernetes.context: kubeconfig is missing; a context is one of its "
                        + "entries",
                ]
            ),
        ]
        for (keys, problems) in cases { #expect(SettingsText.problems(Self.with(keys)) == problems) }
    }

    /// What somebody copies has to work.
    @Test func example_ofAWholeSite_holdsGoodSettings() throws {
        let folders = URL(filePath: #filePath).pathComponents.dropLast(3)
        let path = NSString.path(withComponents: folders + ["Config", "kubernetes", "example.yaml"])
        let lines = try String(contentsOfFile: path, encoding: .utf8).components(separatedBy: "\n")
        let start = try #require(lines.firstIndex(of: "  sluice.yaml: |"))
        let text = lines[(start + 1)...].prefix { $0 != "---" }.map { $0.dropFirst(4) }.joined(separator: "\n")
            // The key lies in a volume.
            .replacing("file: /etc/sluice-key/key", with: "secret: \"0123456789abcdef0123456789abcdef\"")
        #expect(SettingsText.problems(text) == [])
        let pool = try #require(try SettingsText.decode(text).pools.first)
        #expect(pool.driver == .kubernetes && pool.kubernetes.name == "shop" && pool.kubernetes.leadership == .lease)
    }
}
