import Glibc
import Primitives
import RedisClient
import TestKit
import Testing

@testable import EmbeddedRedis

@Suite(.serialized) struct EmbeddedRedisTests {
    private func mode(_ path: String) -> UInt32 {
        var information = stat()
        return stat(path, &information) == -1 ? 0 : information.st_mode & 0o777
    }

    private func isRunning(_ pid: Int32) -> Bool { kill(pid, 0) == 0 }

    @Test func start_freshFolder_answersAndIsPrivate() async throws {
        try await withRig { rig async throws in
            try await rig.useRedis()
            #expect(try await rig.send("PING") == .status("PONG"))
            #expect(self.mode(rig.folder + "/redis") == 0o700)
            #expect(self.mode(rig.folder + "/redis/redis.sock") == 0o700)
            let settings = try await rig.send("CONFIG", "GET", "append*").texts ?? []
            #expect(settings.contains("everysec") && settings.contains("yes"))
            #expect(try await rig.send("CONFIG", "GET", "save").texts == ["save", ""])
            let pid = try #require(await rig.pid)
            await rig.stopRedis()
            try await rig.wait("its end") { _ in kill(pid, 0) == -1 }
            #expect(await rig.events.last == .stopped(pid: pid))
        }
    }

    @Test func killed_whileRunning_isStartedAgainWithItsData() async throws {
        try await withRig { rig async throws in
            try await rig.useRedis()
            let first = try #require(await rig.pid)
            for round in 1...3 {
                #expect(try await rig.send("INCR", "n") == .integer(Int64(round)))
                await rig.signal(SIGKILL)
                try await rig.wait("a restart") { $0.restarts == UInt64(round) && $0.events.last?.isReady == true }
                try await rig.wait("connected") { $0.isConnected }
            }
            #expect(try await rig.send("GET", "n").text == "3")
            #expect(await rig.pid != first)
        }
    }

    @Test func start_afterStop_hasTheData() async throws {
        try await withRig { rig async throws in
            try await rig.useRedis()
            #expect(try await rig.send("SET", "k", "v") == .status("OK"))
            await rig.stopRedis()
            let next = try StateRig.make(folder: rig.folder)
            try await next.useRedis()
            #expect(try await next.send("GET", "k").text == "v")
            await next.finish()
        }
    }

    /// The first user stands for a process that crashed, or for the one that an upgrade replaces.
    @Test func start_serverRunsAlready_isTakenOverAndNotStartedTwice() async throws {
        try await withRig { rig async throws in
            try await rig.useRedis()
            let pid = try #require(await rig.pid)
            let next = try StateRig.make(folder: rig.folder)
            try await next.useRedis()
            #expect(await next.pid == pid)
            #expect(await next.events.contains(.adopted(pid: pid)))
            await rig.stopRedis()
            #expect(await rig.events.last == .handedOver(pid: pid))
            #expect(try await next.send("PING") == .status("PONG"))
            await next.stopRedis()
            #expect(await next.events.last == .stopped(pid: pid))
            try await rig.wait("its end") { _ in kill(pid, 0) == -1 }
        }
    }

    @Test func killed_twoUsers_oneStartsItAndTheLastOneStopsIt() async throws {
        try await withRig { rig async throws in
            try await rig.useRedis()
            let next = try StateRig.make(folder: rig.folder)
            try await next.useRedis()
            for _ in 1...3 {
                let dead = try #require(await rig.pid)
                await rig.signal(SIGKILL)
                for user in [rig, next] {
                    try await user.wait("ready again") {
                        $0.pid != nil && $0.pid != dead && $0.events.last?.isReady == true
                    }
                }
                #expect(await rig.pid == next.pid)
            }
            let pid = try #require(await rig.pid)
            await next.stopRedis()
            #expect(self.isRunning(pid))
            await rig.stopRedis()
            try await rig.wait("its end") { _ in kill(pid, 0) == -1 }
        }
    }

    @Test func stop_twoUsersAtOnce_oneOfThemStopsIt() async throws {
        try await withRig { rig async throws in
            try await rig.useRedis()
            let pid = try #require(await rig.pid)
            let next = try StateRig.make(folder: rig.folder)
            try await next.useRedis()
            async let first: Void = rig.stopRedis()
            async let second: Void = next.stopRedis()
            _ = await (first, second)
            try await rig.wait("its end") { _ in kill(pid, 0) == -1 }
            let events = await [rig.events.last, next.events.last]
            #expect(events.contains(.stopped(pid: pid)) && events.contains(.handedOver(pid: pid)))
        }
    }

    /// An upgrade whose new process comes while the old one is already stopping the server.
    @Test func start_whileAnotherStops_waitsAndStartsAnew() async throws {
        try await withRig { rig async throws in
            try await rig.useRedis()
            #expect(try await rig.send("SET", "k", "v") == .status("OK"))
            let old = try #require(await rig.pid)
            let next = try StateRig.make(folder: rig.folder)
            async let stop: Void = rig.stopRedis()
            try await next.useRedis()
            _ = await stop
            #expect(try await next.send("GET", "k").text == "v")
            let wasAdopted = await next.events.contains(.adopted(pid: old))
            let wasStopped = await rig.events.last == .stopped(pid: old)
            #expect(wasAdopted != wasStopped)
            await next.stopRedis()
        }
    }

    @Test func start_twoAtOnce_shareOneServer() async throws {
        try await withRig { rig async throws in
            let next = try StateRig.make(folder: rig.folder)
            async let first = rig.startRedis()
            async let second = next.startRedis()
            let endpoints = try await [first.get(), second.get()]
            #expect(endpoints[0] == endpoints[1])
            #expect(await rig.pid == next.pid)
            await next.stopRedis()
        }
    }

    @Test func start_socketGoneServerAlive_endsItFirst() async throws {
        try await withRig { rig async throws in
            try await rig.useRedis()
            #expect(try await rig.send("SET", "k", "v") == .status("OK"))
            let orphan = try #require(await rig.pid)
            unlink(rig.folder + "/redis/redis.sock")
            let next = try StateRig.make(folder: rig.folder)
            try await next.useRedis()
            #expect(await next.events.contains(.clearing(pid: orphan)))
            #expect(try await next.send("GET", "k").text == "v")
            await next.stopRedis()
        }
    }

    @Test func stop_serverFrozen_isEndedByForce() async throws {
        var options = EmbeddedRedisOptions()
        options.stopGraceNanoseconds = 200 * Nanoseconds.perMillisecond
        try await withRig(options: options) { rig async throws in
            try await rig.useRedis()
            let pid = try #require(await rig.pid)
            await rig.signal(SIGSTOP)
            await rig.stopRedis()
            try await rig.wait("its end") { _ in kill(pid, 0) == -1 }
        }
    }

    @Test func start_noSuchProgram_saysWhatToInstall() async throws {
        var options = EmbeddedRedisOptions()
        options.executable = "redis-server-that-is-not-there"
        try await withRig(options: options) { rig async throws in
            let result = await rig.startRedis()
            guard case .failure(let error) = result else {
                Issue.record("it started")
                return
            }
            #expect(error.description.contains("apt-get install redis-server"))
        }
    }

    @Test func start_programEndsAtOnce_saysSo() async throws {
        var options = EmbeddedRedisOptions()
        options.arguments = ["--no-such-setting", "1"]
        try await withRig(options: options) { rig async throws in
            let result = await rig.startRedis()
            guard case .failure(let error) = result else {
                Issue.record("it started")
                return
            }
            #expect(error.description.contains("exit code 1"))
            #expect(await rig.pid == nil)
        }
    }

    @Test func start_damagedData_saysWhereTheLogIs() async throws {
        try await withRig { rig async throws in
            try await rig.useRedis()
            #expect(try await rig.send("SET", "k", "v") == .status("OK"))
            await rig.stopRedis()
            let file = try #require(fopen(rig.folder + "/redis/appendonlydir/appendonly.aof.1.incr.aof", "r+"))
            fputs("*3\r\n$3\r\nXXX", file)
            fclose(file)
            let next = try StateRig.make(folder: rig.folder)
            guard case .failure(let error) = await next.startRedis() else {
                Issue.record("it started")
                return
            }
            #expect(error.description.contains("redis.log"))
            #expect(error.description.contains("appendonly"))
        }
    }

    @Test func start_neverReady_givesUpAndLeavesNothingRunning() async throws {
        try await withRig { rig async throws in
            let program = rig.folder + "/server"
            let file = try #require(fopen(program, "w"))
            fputs("#!/bin/sh\nexec sleep 1000\n", file)
            fclose(file)
            chmod(program, 0o700)
            var options = EmbeddedRedisOptions()
            options.executable = program
            options.startTimeoutNanoseconds = 3 * Nanoseconds.perSecond
            let next = try StateRig.make(folder: rig.folder, options: options)
            async let start = next.startRedis()
            try await next.wait("a process") { $0.pid != nil }
            let pid = try #require(await next.pid)
            guard case .failure(let error) = await start else {
                Issue.record("it started")
                return
            }
            #expect(error.description.contains("did not get ready"))
            #expect(await next.pid == nil)
            try await next.wait("its end") { _ in kill(pid, 0) == -1 }
        }
    }

    /// It may be somebody's debugger: it is reported, and neither ended nor joined by a second one.
    @Test func start_runningServerIsFrozen_saysWhichProcess() async throws {
        try await withRig { rig async throws in
            try await rig.useRedis()
            let pid = try #require(await rig.pid)
            await rig.signal(SIGSTOP)
            var options = EmbeddedRedisOptions()
            options.startTimeoutNanoseconds = 300 * Nanoseconds.perMillisecond
            let next = try StateRig.make(folder: rig.folder, options: options)
            guard case .failure(let error) = await next.startRedis() else {
                Issue.record("it started")
                return
            }
            #expect(error.description.contains("process \(pid) "))
            await rig.signal(SIGCONT)
            try await rig.wait("connected") { $0.isConnected }
            #expect(try await rig.send("PING") == .status("PONG"))
        }
    }

    @Test func objection_versions_sevenAndLaterAreTaken() {
        #expect(ServerVersion.objection(to: "# Server\r\nredis_version:7.0.15\r\nos:Linux\r\n") == nil)
        #expect(ServerVersion.objection(to: "redis_version:10.2.0\r\n") == nil)
        #expect(ServerVersion.objection(to: "redis_version:6.2.7\r\n")?.description.contains("6.2.7") == true)
        #expect(ServerVersion.objection(to: "")?.description.contains("unknown") == true)
    }

    @Test func start_longStateFolder_usesAShortSocketPath() async throws {
        try await withRig { rig async throws in
            let long = rig.folder + "/" + String(repeating: "a", count: 120)
            let next = try StateRig.make(folder: long)
            try await next.useRedis()
            let elsewhere = await next.events.compactMap {
                if case .shortSocketPath(let path) = $0 { path } else { nil }
            }
            let path = try #require(elsewhere.first)
            #expect(path.utf8.count <= RedisFolder.maxSocketPathBytes)
            let folder = String(path.dropLast("/redis.sock".count))
            #expect(self.mode(folder) == 0o700)
            await next.stopRedis()
            rmdir(folder)
        }
    }

    @Test func start_folderOpenToOthers_isRefused() async throws {
        try await withRig { rig async throws in
            mkdir(rig.folder + "/redis", 0o777)
            chmod(rig.folder + "/redis", 0o777)
            let result = await rig.startRedis()
            guard case .failure(let error) = result else {
                Issue.record("it started")
                return
            }
            #expect(error.description.contains("chmod 700"))
        }
    }

    @Test func stop_beforeReady_failsTheStartAndLeavesNothing() async throws {
        try await withRig { rig async throws in
            async let start = rig.startRedis()
            try await rig.wait("a process") { $0.pid != nil }
            let pid = try #require(await rig.pid)
            await rig.stopRedis()
            let result = await start
            #expect(throws: EmbeddedRedisError.self) { try result.get() }
            try await rig.wait("its end") { _ in kill(pid, 0) == -1 }
        }
    }
}

extension EmbeddedRedisEvent {
    var isReady: Bool { if case .ready = self { true } else { false } }
}
