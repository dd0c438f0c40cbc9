//! The invariants that ARCHITECTURE.md names, each as a test of the project as it stands. What each
//! rule means, and that it can be broken, is tested beside the rule.

use std::sync::LazyLock;

use xtask::Project;
use xtask::tidy::{self, Rule};

static PROJECT: LazyLock<Project> =
    LazyLock::new(|| Project::load().expect("the project can be read"));

#[track_caller]
fn uphold(rule: &Rule) {
    let faults = (rule.check)(&PROJECT);
    assert!(faults.is_empty(), "{}", tidy::report(rule, &faults));
}

#[test]
fn arrows_go_down_only() {
    uphold(&tidy::arrows::RULE);
}

#[test]
fn each_outside_world_has_its_crates() {
    uphold(&tidy::knowledge::RULE);
}

#[test]
fn pure_crates_stay_pure() {
    uphold(&tidy::purity::RULE);
}

#[test]
fn unsafe_has_its_places() {
    uphold(&tidy::unsafe_place::RULE);
}

#[test]
fn a_source_says_what_it_is_for() {
    uphold(&tidy::shape::OPENING);
}

#[test]
fn a_source_is_short() {
    uphold(&tidy::shape::LENGTH);
}

#[test]
fn nothing_is_left_for_later() {
    uphold(&tidy::debris::UNFINISHED);
}

#[test]
fn comments_have_no_banners() {
    uphold(&tidy::debris::BANNERS);
}

#[test]
fn big_files_are_accounted_for() {
    uphold(&tidy::big_files::RULE);
}

#[test]
fn the_map_shows_the_house() {
    uphold(&tidy::architecture::RULE);
}

#[test]
fn no_workspace_dependency_is_idle() {
    uphold(&tidy::dependencies::USED);
}

#[test]
fn no_dependency_is_without_a_caller() {
    uphold(&tidy::dependencies::CALLED);
}

#[test]
fn every_dependency_is_explained() {
    uphold(&tidy::dependencies::EXPLAINED);
}

#[test]
fn ci_does_what_the_readme_says() {
    uphold(&tidy::readme::RULE);
}

#[test]
fn every_link_leads_somewhere() {
    uphold(&tidy::links::RULE);
}

#[test]
fn every_licence_is_allowed() {
    uphold(&tidy::licences::LICENCES);
}

#[test]
fn every_package_is_from_crates_io() {
    uphold(&tidy::licences::SOURCES);
}
