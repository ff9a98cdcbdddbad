import Addresses
import Foundation
import Primitives
import Settings
import Testing
import Transport

@testable import SettingsFile

/// The address of a Redis, and what stands beside it.
@Suite struct RedisAccessTests {
    @Test func everyKey_isTaken() throws {
        let text = "redis: rediss+sentinel://a:pw@h1,h2/m\nredis_access: {sentinel_user: w, sentinel_password: s3}\n"
        let settings = try SettingsText.decode(text + SettingsText.smallest)
        var endpoint = try RedisEndpoint(parsing: "rediss+sentinel://a@h1,h2/m".replacing("a@", with: ""))
        endpoint.user = "a"
        endpoint.password = Secret("pw")
        #expect(settings.redis == .server(endpoint))
        #expect(settings.redisAccess.sentinelUser == "w")
        #expect(settings.redisAccess.sentinelPassword == Secret("s3"))
    }

    @Test(arguments: [
        (
            "redis: redis://h\nredis_access: {authority: ca.pem}",
            "2:16: redis_access.authority: redis is reached without "
                + "TLS; write rediss:// there, or leave authority out (line 1)"
        ),
        (
            "redis: rediss+cluster://h\nredis_access: {sentinel_password: s3cret}",
            "2:16: redis_access.sentinel_password: redis names no sentinels; write redis+sentinel:// there, or leave "
                + "sentinel_password out (line 1)"
        ),
        (
            "redis: rediss://h\nredis_access: {certificate: c.pem}",
            "2:16: redis_access.certificate: the key is missing; a client's certificate and its key go together"
        ),
        (
            "redis: redis+sentinel://h/m\nredis_access: {sentinel_user: w}",
            "2:16: redis_access.sentinel_user: sentinel_password is missing; a user without one cannot log in"
        ),
        (
            "redis: redis+cluster://h/1\nredis_access: {}",
            "1:8: redis: found \"redis+cluster://h/1\", whose database is not 0, the only one that a Cluster has; allowed: "
                + "embedded, memory, unix:/path, redis://[[user]:password@]host[:port][/database], "
                + "redis+sentinel://...host,host/master or redis+cluster://...host,host; rediss for TLS"
        ),
    ])
    func contradiction_isSaid(text: String, problem: String) {
        let problems = SettingsText.problems(text + "\n" + SettingsText.smallest)
        #expect(problems.contains("sluice.yaml:" + problem), "\(problems)")
    }

    /// `sluice check` finds them, not the first connection.
    @Test func files_areLoaded() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = { (name: String) in folder.path + "/" + name }
        try SelfSignedCertificate.make(certificateFile: path("a.crt"), keyFile: path("a.key"))
        try SelfSignedCertificate.make(certificateFile: path("b.crt"), keyFile: path("b.key"))
        try folder.write("no PEM", to: "bad.pem")
        func problems(_ access: String) throws -> [String] {
            try folder.write("redis: rediss://h\nredis_access: \(access)\n" + SettingsText.smallest, to: "s.yaml")
            do throws(SettingsError) {
                _ = try SettingsFile.load(path("s.yaml"))
                return []
            } catch {
                return error.problems.map { String($0.description.dropFirst(folder.path.count + 1)) }
            }
        }
        #expect(try problems("{authority: a.crt, certificate: b.crt, key: b.key}") == [])
        let wrong = try problems("{authority: bad.pem, certificate: a.crt, key: b.key}")
        #expect(wrong.count == 2)
        #expect(wrong.first?.contains("redis_access.authority: \(path("bad.pem")) holds no certificate") == true)
        #expect(wrong.last?.contains("redis_access.key: \(path("b.key")) does not belong to \(path("a.crt"))") == true)
        let missing = try problems("{certificate: none.crt, key: a.key}")
        #expect(missing.first?.contains("redis_access.certificate: \(path("none.crt")) cannot be opened") == true)
    }
}
