import Foundation
import Reports
import Testing

@Suite struct StatusReportTests {
    private static let standing = GatewayStatus.Standing(
        open: true,
        epoch: 3,
        issued: 90,
        serving: 60,
        waiting: 30,
        door: 2,
        admitted: 58,
        sessions: 40,
        slots: 50,
        rateMilli: 12_500,
        burst: 40,
        showUpPermille: 900,
        record: GatewayStatus.Record(
            incarnation: 2,
            generation: .init("9"),
            ownGeneration: .init("8"),
            generationIgnored: true,
            limitsConflict: false,
            ignoredLimits: 5,
            conflicts: 0,
            allowedRateMilli: 11_000,
            allowedForMs: 2_400,
            lostSessions: 3,
            skipped: 65_536,
            gaps: 1,
            olderLines: [.init(epoch: 2, issued: 70, serving: 60)],
            journalEntries: 100,
            journalTrimmed: 7,
            journalKeepEntries: 1_000,
            journalKeepSeconds: 3_600
        )
    )
    private static let export: ControllerStatus.Export = {
        var export = ControllerStatus.Export(room: "sale", folder: "/spool")
        export.exportedTo = 12
        export.behind = 0
        export.lost = 1
        return export
    }()
    private static let gateway = GatewayStatus(
        connections: 7,
        requests: 1_000,
        rooms: [
            .init(name: "sale", standing: Self.standing, mode: "degraded", asOf: "T", ageMs: 4_000),
            .init(name: "young", standing: nil),
        ],
        pools: [
            .init(
                name: "tickets",
                readyWorkers: 2,
                inFlight: 5,
                queued: 1,
                tunnels: 4,
                failing: [.init(worker: "w", failure: "timeout", sinceMs: 9, passedBy: true)]
            )
        ],
        mode: "degraded"
    )
    private static let controller = ControllerStatus(
        leads: true,
        pools: [
            .init(
                name: "tickets",
                ready: 2,
                pending: 1,
                draining: 0,
                crashes: 4,
                decision: .init(
                    desired: 3,
                    needed: 2,
                    reason: "arrivals",
                    admissionRateMilli: 430_000,
                    serviceTimeUs: 20_100,
                    requestsPerVisitor: 4.5,
                    latencyTrim: 1
                )
            ), .init(name: "young", ready: 0, pending: 1, draining: 0, crashes: 0, decision: nil),
        ],
        gateways: 3,
        silentGateways: [.init(gateway: "g-2", silentMs: 12_000, pools: ["tickets"])],
        forgottenGateways: 1,
        leases: [.init(room: "sale", rateMilli: 11_000, ageMs: 600, taken: true)],
        exports: [Self.export],
        leadsAsOf: "T",
        leadsAgeMs: 5
    )

    private func report(_ gateway: GatewayStatus?, _ controller: ControllerStatus?) -> StatusReport {
        StatusReport(
            process: "host-1",
            pid: 1,
            reloadsApplied: 2,
            reloadsRefused: 0,
            problems: gateway == nil ? [] : ["room sale: look"],
            gateway: gateway,
            controller: controller
        )
    }

    /// Dashboards read these keys: a renamed one breaks them without a sound.
    @Test func encoded_everything_hasTheKnownKeys() throws {
        let json = String(decoding: try self.report(Self.gateway, Self.controller).encoded(), as: UTF8.self)
        #expect(
            json
                == #"{"connections":7,"exports":[{"behind":0,"exported_to":12,"folder":"/spool","kept":0,"lost":1,"room":"sale","#
                + #""written":0}],"forgotten_gateways":1,"gateway_pools":[{"failing":[{"failure":"timeout","passed_by":true,"since_ms":9,"worker":"w"}],"in_flight":5,"name":"tickets","queued":1,"ready_workers":2,"tunnels":4}],"#
                + #""gateways":3,"leads":true,"leads_age_ms":5,"leads_as_of":"T","leases":[{"age_ms":600,"rate_milli":11000,"room":"sale","taken":true}],"#
                + #""mode":"degraded","pid":1,"pools":[{"admission_rate_milli":430000,"crashes":4,"desired":3,"draining":0,"#
                + #""latency_trim":1,"name":"tickets","needed":2,"pending":1,"ready":2,"reason":"arrivals","#
                + #""requests_per_visitor":4.5,"service_time_us":20100},{"crashes":0,"draining":0,"name":"young","#
                + #""pending":1,"ready":0}],"problems":["room sale: look"],"process":"host-1","reloads_applied":2,"#
                + #""reloads_refused":0,"requests":1000,"#
                + #""rooms":[{"admitted":58,"age_ms":4000,"as_of":"T","burst":40,"door":2,"epoch":3,"issued":90,"mode":"degraded","name":"sale","#
                + #""open":true,"rate_milli":12500,"record":{"allowed_for_ms":2400,"allowed_rate_milli":11000,"#
                + #""conflicts":0,"gaps":1,"generation":"9","generation_ignored":true,"ignored_limits":5,"incarnation":2,"#
                + #""journal_entries":100,"journal_keep_entries":1000,"journal_keep_seconds":3600,"journal_trimmed":7,"#
                + #""limits_conflict":false,"lost_sessions":3,"older_lines":[{"epoch":2,"issued":70,"serving":60}],"#
                + #""own_generation":"8","skipped":65536},"serving":60,"sessions":40,"show_up_permille":900,"slots":50,"#
                + #""waiting":30},{"name":"young"}],"#
                + #""silent_gateways":[{"gateway":"g-2","pools":["tickets"],"silent_ms":12000}]}"#
        )
    }

    /// Seen before: the number as it stands in the shared state, 4000000000000009. An older version still writes it.
    @Test func decode_generationOfAnOlderVersion_isItsNumber() throws {
        let json = Data(#"["9",4000000000000009]"#.utf8)
        let generations = try JSONDecoder().decode([GatewayStatus.Generation].self, from: json)
        #expect(generations.map(\.text) == ["9", "4000000000000009"])
    }

    /// A process that is a gateway alone, or a controller alone, leaves the other part out.
    @Test func encoded_anyParts_isReadBack() throws {
        for gateway in [nil, Self.gateway] {
            for controller in [nil, Self.controller] {
                let report = self.report(gateway, controller)
                #expect(try StatusReport(json: try report.encoded()) == report)
            }
        }
    }

    @Test func encoded_standby_namesWhoLeads() throws {
        let report = self.report(nil, ControllerStatus(leads: false, leader: "host-2", pools: []))
        let json = try report.encoded()
        #expect(String(decoding: json, as: UTF8.self).contains(#""leader":"host-2","leads":false"#))
        #expect(try StatusReport(json: json).controller?.leader == "host-2")
    }

    /// What a version of before writes is read: the command line may be newer than the process it asks.
    @Test func decode_ofAnOlderVersion_leavesOutWhatItDidNotKnow() throws {
        let json =
            #"{"connections":1,"gateway_pools":[],"leads":true,"pid":1,"pools":[],"process":"a","reloads_applied":0,"#
            + #""reloads_refused":0,"requests":1,"rooms":[{"admitted":1,"burst":1,"door":0,"epoch":1,"issued":1,"name":"s","#
            + #""open":true,"rate_milli":1,"serving":1,"sessions":1,"show_up_permille":1,"slots":1,"waiting":0}]}"#
        let report = try StatusReport(json: Array(json.utf8))
        #expect(report.gateway?.mode == nil && report.gateway?.rooms[0].standing?.record == nil)
        #expect(report.controller?.leases == [] && report.problems == [])
    }

    @Test func decode_unknownKeys_arePassedOver() throws {
        let json = #"{"process":"a","pid":2,"reloads_applied":0,"reloads_refused":1,"weather":"fine"}"#
        let report = try StatusReport(json: Array(json.utf8))
        #expect(report.gateway == nil && report.controller == nil && report.reloadsRefused == 1)
    }

    @Test(arguments: ["", "{}", "[]", #"{"process":"a","pid":2,"reloads_applied":0,"reloads_refused":1,"rooms":5}"#])
    func decode_somethingElse_isRefused(json: String) {
        #expect(throws: (any Error).self) { try StatusReport(json: Array(json.utf8)) }
    }
}
