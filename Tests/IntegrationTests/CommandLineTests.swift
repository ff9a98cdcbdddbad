import Foundation
import Testing

@Suite(.onOwnThread) struct CommandLineTests {
    @Test func check_goodFile_saysSoAndEndsWithZero() throws {
        try Scene.play { scene in
            let file = "\(scene.folder)/good.yaml"
            try scene.write(Configuration().text, to: file)
            let result = try scene.run(try SluiceProcess.program, ["check", file])
            #expect(result.end == .exited(0))
            #expect(result.output.contains("\(file): good"))
            #expect(result.errors.isEmpty)
        }
    }

    @Test func check_badFile_saysWhereAndEndsWithOne() throws {
        try Scene.play { scene in
            let file = "\(scene.folder)/bad.yaml"
            let text = Configuration().text.replacingOccurrences(of: "loops: 1", with: "loop: 1")
            try scene.write(text, to: file)
            let result = try scene.run(try SluiceProcess.program, ["check", file])
            #expect(result.end == .exited(1))
            let line = text.split(separator: "\n").firstIndex { $0.hasPrefix("loop:") }.map { $0 + 1 }
            #expect(result.errors.contains("\(file):\(try #require(line)):"))
            #expect(result.errors.contains("loops"), "the nearest known key is named")
        }
    }

    @Test func run_badFile_saysWhereAndEndsWithOne() throws {
        try Scene.play { scene in
            for command in ["run", "gateway", "controller"] {
                let result = try scene.run(try SluiceProcess.program, [command, "\(scene.folder)/missing.yaml"])
                guard case .exited(let code) = result.end else { return }
                #expect(code != 0)
                #expect(result.errors.contains("missing.yaml"))
            }
        }
    }

    /// `check` and what it stands for agree; a gateway alone exports nothing.
    @Test func exportFolderMissing_isRefusedByWhoeverExports() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.redis = "embedded"
            configuration.room?["journal_export"] = "spool"
            let file = "\(scene.folder)/export.yaml"
            try scene.write(configuration.text, to: file)
            for command in ["check", "run", "controller"] {
                let result = try scene.run(try SluiceProcess.program, [command, file])
                #expect(result.end == .exited(1), "\(command)")
                #expect(
                    result.errors.contains("journal_export: there is no folder \(scene.folder)/spool"),
                    "\(command)"
                )
            }
            let gateway = try scene.start(configuration, command: "gateway", waits: false)
            try Patience.wait(for: "the gateway to start") { gateway.process.output.contains("gateway listening") }
        }
    }

    @Test func check_burstThatCannotReachTheInflow_saysWhatItReaches() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.room = ["slots": "100", "inflow": "500/s", "burst": "1"]
            let file = "\(scene.folder)/burst.yaml"
            try scene.write(configuration.text, to: file)
            let result = try scene.run(try SluiceProcess.program, ["check", file])
            #expect(result.end == .exited(0))
            #expect(result.output.contains("10/s of the inflow of 500/s"))
            let sluice = try scene.start(configuration)
            try sluice.waitForLog("10/s of the inflow of 500/s")
            configuration.room?["inflow"] = "600/s"
            try scene.reload(sluice, with: configuration.text)
            try sluice.waitForLog("10/s of the inflow of 600/s")
        }
    }

    /// A file may be for another machine: it is good, and what this one lacks is said.
    @Test func check_whatThisMachineHasNot_isSaid() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.pool = [
                "min_workers": "1", "max_workers": "1", "command": "[no-such-program, --port, \"{port}\"]",
            ]
            let file = "\(scene.folder)/other.yaml"
            try scene.write(configuration.text, to: file)
            let result = try scene.run(try SluiceProcess.program, ["check", file])
            #expect(result.end == .exited(0), "\(result.errors)")
            let lines = result.output.split(separator: "\n").map(String.init)
            #expect(
                lines.prefix { $0.hasPrefix("notice: ") } == [
                    "notice: pools.workers.command: there is no program no-such-program on this machine"
                ]
            )
            configuration.room = nil
            configuration.pool = [
                "driver": "kubernetes", "kubernetes": "{name: shop, kubeconfig: \(scene.folder)/none}",
            ]
            try scene.write(configuration.text, to: file)
            let cluster = try scene.run(try SluiceProcess.program, ["check", file])
            #expect(cluster.end == .exited(0), "\(cluster.errors)")
            #expect(cluster.output.contains("notice: pools.workers.driver: on this machine, \(Self.noCluster)"))
            // Who runs it all the same is told by the log, too.
            let sluice = try scene.start(configuration, waits: false)
            try sluice.waitForLog("the pool is in trouble")
            try sluice.waitForLog(Self.noCluster)
        }
    }

    #if CLUSTERS
    /// Of a kubeconfig that is not there.
    private static let noCluster = "the kubeconfig cannot be read"
    #else
    private static let noCluster = "this is a lean sluice"

    @Test func lean_poolOfKEDA_isRefused() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.room = nil
            configuration.pool = ["driver": "keda", "workers": "[127.0.0.1:1]", "min_workers": "0", "max_workers": "1"]
            let file = "\(scene.folder)/keda.yaml"
            try scene.write(configuration.text, to: file)
            let check = try scene.run(try SluiceProcess.program, ["check", file])
            #expect(check.output.contains("notice: pools.workers.driver: on this machine, this is a lean sluice"))
            let run = try scene.run(try SluiceProcess.program, ["run", file])
            #expect(run.end == .exited(1), "\(run.output)")
            #expect(run.errors.contains("pools.workers.driver: this is a lean sluice"))
        }
    }
    #endif

    @Test func run_addressInUse_saysSoAndLeavesNothing() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { _ in }
            var configuration = Configuration()
            configuration.listeners = [("127.0.0.1:\(worker.port)", nil)]
            configuration.redis = "embedded"
            let file = "\(scene.folder)/taken.yaml"
            try scene.write(configuration.text, to: file)
            let result = try scene.run(try SluiceProcess.program, ["run", file])
            #expect(result.end == .exited(1))
            #expect(result.errors.contains("127.0.0.1:\(worker.port)"))
            #expect(scene.embeddedRedisPID == nil)
        }
    }

    /// Seen before: both listened, and the kernel gave each of them half of the visitors.
    @Test func secondProcess_onTheSameAddress_isRefused_andTheFirstServesOn() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            let first = try scene.start(configuration, name: "first")
            configuration.listeners = [("127.0.0.1:\(first.port)", nil)]
            let file = "\(scene.folder)/second.yaml"
            try scene.write(configuration.text, to: file)
            let second = try scene.run(try SluiceProcess.program, ["run", file])
            #expect(second.end == .exited(1))
            #expect(second.errors.contains("cannot listen on 127.0.0.1:\(first.port): another process does"))
            try first.expectService("/open")
            // One that has ended leaves the address to the next.
            #expect(try first.stop() == .exited(0))
            let third = try scene.start(configuration, name: "third")
            #expect(third.port == first.port)
            try third.expectService("/open")
        }
    }

    /// Seen before: the waiting page's HTML, and code 0.
    @Test func adminCommands_atAnAddressForVisitors_sayThatItIsNone() throws {
        try Scene.play { scene in
            let sluice = try scene.start(Configuration())
            let visitors = "127.0.0.1:\(sluice.port)"
            for words in [["status"], ["status", "--json"], ["journal", "sale"], ["room", "reset", "sale", "--yes"]] {
                let result = try scene.run(try SluiceProcess.program, words + ["--admin", visitors])
                #expect(result.end == .exited(1), "\(words)")
                #expect(result.output.isEmpty, "\(words): \(result.output)")
                #expect(result.errors.contains("\(visitors) answers, but it is no admin listener"), "\(words)")
            }
        }
    }

    @Test func gateway_memoryState_isRefusedWithTheReason() throws {
        try Scene.play { scene in
            let file = "\(scene.folder)/memory.yaml"
            try scene.write(Configuration().text, to: file)
            let result = try scene.run(try SluiceProcess.program, ["gateway", file])
            #expect(result.end == .exited(1))
            #expect(result.errors.contains("redis: memory"))
        }
    }

    @Test func status_ofARunningOne_showsRoomsAndPools() throws {
        try Scene.play { scene in
            let sluice = try scene.start(Configuration())
            try Visitor(port: sluice.port).get()
            let admin = "127.0.0.1:\(sluice.adminPort)"
            let table = try scene.run(try SluiceProcess.program, ["status", "--admin", admin])
            #expect(table.end == .exited(0))
            for word in ["room", "sale", "open", "pool", "workers", "ready"] { #expect(table.output.contains(word)) }
            let json = try scene.run(try SluiceProcess.program, ["status", "--admin", admin, "--json"])
            #expect(json.output.hasPrefix("{") && json.output.contains("\"rooms\""))
        }
    }

    @Test func status_nobodyThere_saysWhatToDoAndEndsWithOne() throws {
        try Scene.play { scene in
            let worker = try scene.makeRefusingWorker()
            let result = try scene.run(try SluiceProcess.program, ["status", "--admin", "127.0.0.1:\(worker.port)"])
            #expect(result.end == .exited(1))
            #expect(result.errors.contains("Is Sluice running"))
        }
    }

    @Test(arguments: ["run", "gateway", "controller", "worker", "check", "status", "journal", "room"])
    func help_ofEachCommand_explainsIt(command: String) throws {
        try Scene.play { scene in
            let result = try scene.run(try SluiceProcess.program, [command, "--help"])
            #expect(result.end == .exited(0))
            #expect(result.output.contains("OVERVIEW:") && result.output.contains("USAGE: sluice \(command)"))
            #expect(result.output.count > 400)
            let overview = try scene.run(try SluiceProcess.program, ["--help"])
            #expect(overview.output.contains("  \(command) "))
        }
    }

    /// The reference configuration is one that works as it is.
    @Test func check_referenceFile_isGood() throws {
        try Scene.play { scene in
            let root = #filePath.components(separatedBy: "/Tests/IntegrationTests/")[0]
            let result = try scene.run(try SluiceProcess.program, ["check", "\(root)/Config/sluice.yaml"])
            #expect(result.end == .exited(0), "\(result.errors)")
        }
    }
}
