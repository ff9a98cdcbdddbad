import Foundation
import Glibc

/// An auto scaling group of the AWS command line, against moto's server on this machine. Its instances are records in
/// moto's memory: a wrapper of the listing runs a sample worker for each, and tells that one's address in place of the
/// instance's own.
struct CloudGroup {
    static let name = "shop"
    private static let variables = [
        "AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none", "AWS_DEFAULT_REGION=us-east-1", "AWS_MAX_ATTEMPTS=1",
        "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
    ]

    private let scene: Scene
    let server: RunningProcess
    private let aws: [String]
    private let lister: String

    init(_ scene: Scene) throws {
        self.scene = scene
        self.server = try scene.launch(try Self.find("moto_server"), ["-H", "127.0.0.1", "-p", "0"])
        let server = self.server
        var port = ""
        try Patience.wait(for: "moto's server to listen") {
            if let end = server.endIfEnded { throw Disappointment("moto_server ended: \(end) \(server.errors)") }
            let text = server.errors + server.output
            guard let found = text.range(of: "http://127.0.0.1:") else { return false }
            port = String(text[found.upperBound...].prefix { $0.isNumber })
            return !port.isEmpty && text[found.upperBound...].contains("\n")
        }
        self.aws = ["env", "AWS_ENDPOINT_URL=http://127.0.0.1:\(port)"] + Self.variables + [try Self.find("aws")]
        self.lister = "\(scene.folder)/list-instances"
        try scene.write(try Self.script(scene, aws: self.aws), to: self.lister)
        _ = try self.run([
            "autoscaling", "create-launch-configuration", "--launch-configuration-name", "shop", "--image-id",
            "ami-12c6146b", "--instance-type", "t2.micro",
        ])
        _ = try self.run([
            "autoscaling", "create-auto-scaling-group", "--auto-scaling-group-name", Self.name,
            "--launch-configuration-name", "shop", "--min-size", "0", "--max-size", "4", "--desired-capacity", "0",
            "--availability-zones", "us-east-1a",
        ])
    }

    /// In `PATH`, or where `Config/setup test` has put it.
    private static func find(_ program: String) throws -> String {
        let root = #filePath.components(separatedBy: "/Tests/IntegrationTests/")[0]
        let folders = (getenv("PATH").map { String(cString: $0) } ?? "").split(separator: ":").map(String.init)
        for folder in folders + ["\(root)/.build/venv-test/bin"] where access("\(folder)/\(program)", X_OK) == 0 {
            return "\(folder)/\(program)"
        }
        throw Disappointment("the program `\(program)` is missing: run Config/setup test")
    }

    @discardableResult
    func run(_ words: [String]) throws -> String {
        let all = self.aws + words
        let result = try self.scene.run(all[0], Array(all.dropFirst()))
        guard result.end == .exited(0) else { throw Disappointment("aws \(words): \(result.errors)") }
        return result.output
    }

    /// As `aws` prints them, one on a line.
    private static let listing = [
        "ec2", "describe-instances", "--filters", "Name=tag:aws:autoscaling:groupName,Values=\(Self.name)", "--query",
        "Reservations[].Instances[].[InstanceId,PrivateIpAddress,State.Name]", "--output", "text",
    ]

    /// Ids of those that run, by moto's own word.
    func running() throws -> Set<String> {
        let lines = try self.run(Self.listing).split(separator: "\n").map { $0.split(separator: "\t") }
        return Set(lines.filter { $0.last == "running" }.map { String($0[0]) })
    }

    /// Of the pool: the commands as an operator would write them, but for the listing's wrapper.
    func keys(retires: Bool) -> [String: String] {
        let scale = [
            "autoscaling", "set-desired-capacity", "--auto-scaling-group-name", Self.name, "--desired-capacity",
            "{desired}",
        ]
        let retire = [
            "autoscaling", "terminate-instance-in-auto-scaling-group", "--instance-id", "{id}",
            "--should-decrement-desired-capacity",
        ]
        var cloud = [
            "scale: \(Self.list(self.aws + scale))", "list: \(Self.list(["bash", self.lister]))", "every: 1s",
            "timeout: 60s",
        ]
        if retires { cloud.append("retire: \(Self.list(self.aws + retire))") }
        return [
            "driver": "command", "cloud": "{\(cloud.joined(separator: ", "))}", "start_timeout": "5m",
            "min_workers": "1",
            "max_workers": "4", "drain_timeout": "2s",
        ]
    }

    private static func list(_ words: [String]) -> String {
        "[" + words.map { "\"\($0.replacingOccurrences(of: "\"", with: "\\\""))\"" }.joined(separator: ", ") + "]"
    }

    /// The variable is how a scene finds workers that are left when it ends.
    private static func script(_ scene: Scene, aws: [String]) throws -> String {
        let quoted = (aws + Self.listing).map { "'\($0)'" }.joined(separator: " ")
        return """
            set -euo pipefail
            cd '\(scene.folder)'
            instances=$(\(quoted))
            while read -r id address state; do
                [ -n "$id" ] || continue
                if [ "$state" = running ]; then
                    if [ ! -e "$id.out" ]; then
                        SLUICE_WORKER="cloud $id 0 $PWD/$id.out" setsid '\(try SluiceProcess.program)' worker \\
                            --listen 127.0.0.1:0 --slots 8 --service-time 5ms >"$id.out" 2>&1 </dev/null &
                        echo $! >"$id.pid"
                    fi
                    address=$(sed -n 's/^listening on //p' "$id.out")
                elif [ -e "$id.pid" ]; then
                    kill "$(cat "$id.pid")" 2>/dev/null || true
                    rm -f "$id.pid"
                fi
                echo "$id ${address:--} $state"
            done <<<"$instances"
            """
    }
}
